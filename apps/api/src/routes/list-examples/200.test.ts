import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';

t.test('examples come oldest first, a page at a time', async (t) => {
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  for (const id of ['1', '2', '3']) {
    await api.registry.examples.append(ref, [{ id, input: `text ${id}`, label: 'like' }]);
    api.time.now += 1_000;
  }
  const first = await api.call('GET', path, { key: tenant.train, query: { limit: '2' } });
  t.equal(first.statusCode, 200, first.body);
  const { data, nextCursor } = first.json();
  const second = await api.call('GET', path, { key: tenant.train, query: { cursor: nextCursor } });
  const ids = [...data, ...second.json().data].map(({ id }: { id: string }) => id);
  t.same(ids, ['1', '2', '3']);
  t.match(data[0], { input: 'text 1', label: 'like', weight: 1 });
  t.equal(second.json().nextCursor, null);
});

t.test('a user without examples has an empty list', async (t) => {
  const response = await api.call('GET', path.replace('ada', 'nobody'), { key: tenant.train });
  t.same(response.json(), { data: [], nextCursor: null });
});
