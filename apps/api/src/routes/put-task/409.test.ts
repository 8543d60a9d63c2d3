import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

t.test('the base of a task is fixed for its life', async (t) => {
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'another-base' });
  const response = await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: {} });
  t.match(problemOf(response), { status: 409, code: 'task_changed' });
});
