import type { RefreshPayload } from '@scion/queue';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('appending to a task that retrains by itself', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const looks: RefreshPayload[] = [];
  // One append in 32, by chance, also orders a compaction, which is not looked at here.
  api.queue.enqueueRefresh = async (payload) => void (payload.compact === undefined && looks.push(payload));
  const put = (task: string, payload: object) =>
    api.call('PUT', `/v1/tasks/${task}`, { key: tenant.admin, payload });
  const label =
    (label: string) =>
    (task: string, ...ids: string[]) => {
      const examples = ids.map((id) => ({ id, input: `text ${id}`, label }));
      const url = `/v1/tasks/${task}/users/ada/examples`;
      return api.call('POST', url, { key: tenant.train, payload: { examples } });
    };
  const [append, correct] = [label('like'), label('hide')];

  const retrain = { afterExamples: 10, atMostEverySeconds: 3_600, nightly: true };
  t.match((await put('inbox', { retrain })).json(), { retrain });
  t.match((await put('quiet', { retrain: { nightly: true } })).statusCode, 201);
  t.equal((await put('wrong', { retrain: { afterExamples: 0 } })).statusCode, 400);
  for (const schedule of ['* * * * *', '0 24 * * *', '0 0 31 * *', '0 0 * *', '0 */0 * * *', '@daily']) {
    t.equal((await put('wrong', { retrain: { schedule } })).statusCode, 400, schedule);
  }

  const schedules: unknown[] = [];
  const { scheduleTask } = api.queue;
  api.queue.scheduleTask = async (...args) => void schedules.push(args);
  t.equal((await put('timed', { retrain: { schedule: '30 */6 * * 1,3' } })).statusCode, 201);
  t.equal((await put('timed', {})).statusCode, 200);
  await api.call('DELETE', '/v1/tasks/timed', { key: tenant.admin });
  api.queue.scheduleTask = scheduleTask;
  const timed = { tenantId: tenant.id, task: 'timed' };
  t.same(schedules, [
    [timed, '30 */6 * * 1,3'],
    [timed, undefined],
    [timed, undefined],
  ]);

  const start = api.time.now;
  await append('inbox', 'a', 'b');
  await append('inbox', 'a', 'b');
  api.time.now += 1;
  await append('inbox', 'c');
  api.time.now += 1;
  await correct('inbox', 'c');
  await append('quiet', 'a');
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  t.match(looks, [
    { ...ref, occasion: `after-${start}` },
    { ...ref, occasion: `after-${start}` },
    { ...ref, occasion: `after-${start + 1}` },
    { ...ref, occasion: `after-${start + 2}` },
  ]);
  t.equal(looks.length, 4, 'no such policy: nothing to look at');

  const noted = await api.queue.changes.noted(ref);
  await api.queue.changes.lacked(ref, { wanted: 10, fresh: 8, noted });
  await append('inbox', 'e');
  t.equal(looks.length, 4, 'a look found two too few: one more is not enough');
  await append('inbox', 'f');
  t.equal(looks.length, 5);

  await api.queue.changes.lacked(ref, { wanted: 10, fresh: 8, noted: noted + 2 });
  const { note } = api.queue.changes;
  api.queue.changes.note = async () => {
    throw new Error('the process ends here');
  };
  await append('inbox', 'g', 'h');
  api.queue.changes.note = note;
  await append('inbox', 'g', 'h');
  t.equal(looks.length, 6, 'rows that were stored but not counted are counted when they are sent again');

  api.queue.enqueueRefresh = async () => {
    throw new Error('Redis is away');
  };
  t.equal((await append('inbox', 'd')).statusCode, 200, 'what is stored is acknowledged all the same');
});
