import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

t.test('any key of the tenant reads a task', async (t) => {
  for (const key of [tenant.admin, tenant.train, tenant.predict]) {
    const response = await api.call('GET', '/v1/tasks/inbox', { key });
    t.equal(response.statusCode, 200);
    t.equal(response.json().name, 'inbox');
  }
});
