import { createTestClock } from '@scion/testkit';
import t from 'tap';
import { createActivity } from './activity.js';

t.test('a job is shown while its handler runs, however that ends, and never its user', async (t) => {
  const ran: string[] = [];
  const activity = createActivity(createTestClock(), (tenantId, seconds) => {
    t.ok(seconds >= 0);
    ran.push(tenantId);
  });
  const payload = { jobId: 'job_1', tenantId: 'ten_1', task: 'inbox', user: 'ada' };
  const run = activity.watch(async (_, fails: boolean) => {
    t.same(activity.running(), [
      { jobId: 'job_1', tenantId: 'ten_1', task: 'inbox', startedAt: '2026-01-01T00:00:00.000Z' },
    ]);
    if (fails) throw new Error('failed');
  });
  await run(payload, false);
  t.same(activity.running(), []);
  await t.rejects(run(payload, true));
  t.same(ran, ['ten_1', 'ten_1'], 'the time of each run is told');
  t.same(activity.running(), []);
});
