import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

t.test('a tenant sees its own tasks only', async (t) => {
  const other = await api.createTenant('other');
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  await api.registry.tasks.put(other.id, 'feed', {}, { base: 'test-base' });
  const response = await api.call('GET', '/v1/tasks', { key: tenant.predict });
  t.equal(response.statusCode, 200);
  t.same(
    response.json().data.map(({ name }: { name: string }) => name),
    ['inbox'],
  );
});
