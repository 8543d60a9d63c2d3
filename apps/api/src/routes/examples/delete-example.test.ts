import { objectKeys } from '@scion/registry';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
const key = tenant.train;
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
const url = '/v1/tasks/inbox/users/ada/examples';
const ids = ['a/b', 'ü 1', 'export', 'c'];
const examples = ids.map((id) => ({ id, input: `text of ${id}`, label: 'like' }));
await api.call('POST', url, { key, payload: { examples } });

t.test('DELETE …/examples/:example: 204, and 404 the second time', async (t) => {
  for (const id of ids.slice(0, 3)) {
    const path = `${url}/${encodeURIComponent(id)}`;
    const response = await api.call('DELETE', path, { key });
    t.equal(response.statusCode, 204, response.body);
    t.match(problemOf(await api.call('DELETE', path, { key })), { status: 404, code: 'example_not_found' });
  }
  const left = (await api.call('GET', url, { key })).json().data;
  t.same(
    left.map(({ id }: { id: string }) => id),
    ['c'],
  );
});

t.test('GET …/examples/export: 200, NDJSON that can be appended elsewhere', async (t) => {
  const response = await api.call('GET', `${url}/export`, { key });
  t.equal(response.statusCode, 200, response.body);
  t.match(response.headers['content-type'], /^application\/x-ndjson/);
  t.equal(response.headers['cache-control'], 'no-store', 'it is not kept on the way');
  const rows = response.body.trimEnd().split('\n');
  t.equal(rows.length, 1);
  const { createdAt, ...row } = JSON.parse(rows[0]!);
  t.match(createdAt, /^2026-/);
  const other = await api.call('POST', '/v1/tasks/inbox/users/bob/examples', {
    key,
    headers: { 'content-type': 'application/x-ndjson' },
    payload: JSON.stringify(row),
  });
  t.match(other.json(), { accepted: 1, ids: ['c'] }, other.body);
});

t.test(
  'GET …/examples/export: 200 and empty for a user without examples, 404 without the task',
  async (t) => {
    const empty = await api.call('GET', '/v1/tasks/inbox/users/nobody/examples/export', { key });
    t.equal(empty.statusCode, 200);
    t.equal(empty.body, '');
    const missing = await api.call('GET', '/v1/tasks/none/users/ada/examples/export', { key });
    t.match(problemOf(missing), { status: 404, code: 'task_not_found' });
  },
);

t.test('a deletion orders a compaction, which takes the text out of the store', async (t) => {
  const waiting = await api.redis.zcard('{scion}:bull:refresh:delayed');
  t.ok(waiting > 0, 'a minute later, so that many deletions are one compaction');
  const response = await api.call('POST', `${url}/compact`, { key });
  t.equal(response.statusCode, 200, response.body);
  t.match(response.json(), { after: 1, examples: 1 });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  const prefix = objectKeys.segmentsPrefix(ref);
  const [only] = (await api.store.list(prefix)).objects;
  t.notMatch(Buffer.from((await api.store.get(only?.key ?? ''))?.body ?? '').toString(), 'a/b');
  const nobody = await api.call('POST', '/v1/tasks/inbox/users/nobody/examples/compact', { key });
  t.match(problemOf(nobody), { status: 404, code: 'user_not_found' });
});

t.test(
  'nothing is deleted without a compaction that comes a minute later, however late in its minute',
  async (t) => {
    await api.call('POST', url, { key, payload: { examples } });
    const { enqueueRefresh } = api.queue;
    const before = api.time.now;
    t.teardown(() => {
      api.queue.enqueueRefresh = enqueueRefresh;
      api.time.now = before;
    });
    const path = `${url}/c`;
    api.queue.enqueueRefresh = async () => {
      throw new Error('Redis is away');
    };
    t.equal((await api.call('DELETE', path, { key })).statusCode, 500);
    const ordered: { occasion: string; at: number }[] = [];
    api.queue.enqueueRefresh = async ({ occasion }, delayMs = 0) => {
      const { data } = (await api.call('GET', url, { key })).json();
      t.ok(
        data.some(({ id }: { id: string }) => id === 'c'),
        'it is there when the compaction is ordered',
      );
      ordered.push({ occasion, at: api.time.now + delayMs });
    };
    api.time.now += 60_000 - (api.time.now % 60_000) + 1;
    t.equal((await api.call('DELETE', path, { key })).statusCode, 204, 'a repetition finds it');
    await api.call('POST', url, { key, payload: { examples } });
    api.time.now += 59_998;
    t.equal((await api.call('DELETE', path, { key })).statusCode, 204);
    t.equal(ordered.length, 2);
    t.same(ordered[0], ordered[1], 'one compaction for both');
    t.ok((ordered[0]?.at ?? 0) >= api.time.now + 60_000);
    await api.call('DELETE', path.replace('ada', 'nobody'), { key });
    t.equal(ordered.length, 2, 'and none for nobody');
  },
);

t.test('a task may limit what each of its users keeps: 403', async (t) => {
  await api.registry.tasks.put(tenant.id, 'small', { maxExamplesPerUser: 3 }, { base: 'test-base' });
  const append = (...names: string[]) =>
    api.call('POST', '/v1/tasks/small/users/ada/examples', {
      key,
      payload: { examples: names.map((id) => ({ id, input: id, label: 'like' })) },
    });
  t.equal((await append('1', '2', '3')).statusCode, 200);
  t.equal((await append('2', '3')).statusCode, 200, 'what is there may be sent again');
  t.match(problemOf(await append('4')), { status: 403, code: 'quota_examples' });
});
