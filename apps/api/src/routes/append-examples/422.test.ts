import { limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', { labels: ['like', 'hide'] }, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';
const post = (examples: unknown[]) => api.call('POST', path, { key: tenant.train, payload: { examples } });
const good = { input: 'x', label: 'like' };
t.afterEach(async () => {
  const count = await api.registry.examples.count({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  if (count > 0) throw new Error('something of a refused request was stored');
});

t.test('an empty text is pointed at; whitespace is empty', async (t) => {
  const response = await post([good, { input: '', label: 'like' }, { input: ' \n\t', label: 'like' }]);
  t.match(problemOf(response), {
    ...{ status: 422, code: 'input_empty' },
    errors: [
      { path: '/examples/1/input', code: 'input_empty' },
      { path: '/examples/2/input', code: 'input_empty' },
    ],
  });
});

t.test('an oversized text is pointed at', async (t) => {
  const response = await post([good, { input: 'x'.repeat(limits.textChars + 1), label: 'like' }]);
  t.match(problemOf(response), {
    ...{ status: 422, code: 'input_too_long' },
    errors: [{ path: '/examples/1/input', code: 'input_too_long' }],
  });
  t.notMatch(response.body, 'xxxx', 'the text is not sent back');
});

t.test('a label of the wrong kind is pointed at', async (t) => {
  for (const label of [3, true, null, ['like'], { like: 1 }]) {
    const response = await post([good, { input: 'x', label }]);
    t.match(problemOf(response), {
      ...{ status: 422, code: 'label_wrong_kind' },
      errors: [{ path: '/examples/1/label', code: 'label_wrong_kind' }],
    });
  }
});

t.test('a label outside the closed set is pointed at, and not repeated', async (t) => {
  const response = await post([{ input: 'x', label: 'zebra' }]);
  t.match(problemOf(response), {
    ...{ status: 422, code: 'label_not_allowed' },
    errors: [{ path: '/examples/0/label' }],
  });
  t.notMatch(response.body, 'zebra');
});

t.test('too many rows are refused in either form', async (t) => {
  const rows = Array.from({ length: limits.examplesPerRequest + 1 }, () => good);
  t.match(problemOf(await post(rows)), { status: 422, code: 'too_many_rows' });
  const response = await api.call('POST', path, {
    key: tenant.train,
    payload: rows.map((row) => JSON.stringify(row)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  t.match(problemOf(response), {
    ...{ status: 422, code: 'too_many_rows' },
    errors: [{ path: `line ${limits.examplesPerRequest + 1}` }],
  });
});
