import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

const put = (name: string, payload: object) =>
  api.call('PUT', `/v1/tasks/${name}`, { key: tenant.admin, payload });

t.test('zero-shot answers need label names to choose from', async (t) => {
  const response = await put('inbox', { untrained: 'zero-shot' });
  t.match(problemOf(response), { status: 400, errors: [{ path: '/untrained' }] });
});

t.test('a label set of one, a label twice and an unknown policy are pointed at', async (t) => {
  const cases: [object, string][] = [
    [{ labels: ['one'] }, '/labels'],
    [{ labels: ['one', 'one'] }, '/labels'],
    [{ labels: ['one', 2] }, '/labels/1'],
    [{ untrained: 'guess' }, '/untrained'],
    [{ abstainBelow: 2 }, '/abstainBelow'],
    [{ color: 'red' }, '/color'],
  ];
  for (const [payload, path] of cases) {
    t.match(problemOf(await put('inbox', payload)), { status: 400, errors: [{ path }] }, path);
  }
});

t.test('a name that is no task name is refused', async (t) => {
  for (const name of ['Inbox', 'in_box', 'a'.repeat(64), '-a', 'a%2Fb']) {
    t.match(problemOf(await put(name, {})), { status: 400, errors: [{ path: 'path/task' }] }, name);
  }
});
