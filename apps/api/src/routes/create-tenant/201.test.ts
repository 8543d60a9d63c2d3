import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });

t.test('an operator creates a tenant and is told where it is', async (t) => {
  const response = await api.call('POST', '/v1/tenants', { key: api.operator, payload: { name: 'Mail' } });
  t.equal(response.statusCode, 201, response.body);
  const tenant = response.json();
  t.equal(tenant.name, 'Mail');
  t.equal(response.headers.location, `/v1/tenants/${tenant.id}`);
  t.same(await api.registry.tenants.get(tenant.id), tenant);
});
