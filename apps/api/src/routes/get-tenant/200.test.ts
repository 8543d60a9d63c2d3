import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

t.test('an operator reads a tenant', async (t) => {
  const response = await api.call('GET', `/v1/tenants/${tenant.id}`, { key: api.operator });
  t.equal(response.statusCode, 200);
  t.same(response.json(), await api.registry.tenants.get(tenant.id));
});
