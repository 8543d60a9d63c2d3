import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

t.test('a deleted task is gone, and what its users stored comes back with it', async (t) => {
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(ref, [{ id: '1', input: 'x', label: 'like' }]);
  const response = await api.call('DELETE', '/v1/tasks/inbox', { key: tenant.admin });
  t.equal(response.statusCode, 204);
  t.equal((await api.call('GET', '/v1/tasks/inbox', { key: tenant.admin })).statusCode, 404);
  await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: {} });
  t.equal(await api.registry.examples.count(ref), 1);
});
