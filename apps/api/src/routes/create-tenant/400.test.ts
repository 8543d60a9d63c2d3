import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

t.test('a name that is empty or missing is pointed at', async (t) => {
  for (const payload of [{ name: '' }, {}, { name: 7 }]) {
    const response = await api.call('POST', '/v1/tenants', { key: api.operator, payload });
    t.equal(response.statusCode, 400);
    t.match(problemOf(response), { code: 'invalid_request', errors: [{ path: '/name' }] });
  }
  t.equal((await api.registry.tenants.list()).data.length, 1, `only ${tenant.id} is there`);
});
