import type { Job, JobEvent } from '@scion/contracts';
import type { NewJobEvent } from '@scion/queue';
import type { JobOutcome, JobRef } from '@scion/registry';
import t from 'tap';
import { createFinishJob } from './finish-job.js';

const ref: JobRef = { tenantId: 'ten_1', task: 'inbox', user: 'ada', jobId: 'job_1' };

/** Remembers every step in order; `failAt` makes one of them throw, once. */
function setUp() {
  const steps: string[] = [];
  const stream: JobEvent[] = [{ seq: 1, at: '2026-01-01T00:00:00.000Z', type: 'state', state: 'running' }];
  const world: { record: Pick<Job, 'state'> | undefined; kept: JobEvent[]; failAt: string } = {
    record: undefined,
    kept: [],
    failAt: '',
  };
  const step = (name: string): void => {
    if (world.failAt === name) {
      world.failAt = '';
      throw new Error(`died at ${name}`);
    }
    steps.push(name);
  };
  const finishJob = createFinishJob({
    jobs: {
      async finish(_: JobRef, { state, events }: JobOutcome) {
        step('record');
        if (!world.record) Object.assign(world, { record: { state }, kept: events });
        return world.record as Job;
      },
    },
    events: {
      read: async () => [...stream],
      async append(_: string, event: NewJobEvent) {
        step('stream');
        const stored = { seq: stream.length + 1, at: '2026-01-01T00:00:01.000Z', ...event };
        stream.push(stored);
        return stored;
      },
    },
    webhooks: {
      async emit(job) {
        step(`webhook ${job.state}`);
        return 1;
      },
    },
    clock: () => Date.parse('2026-01-01T00:00:01Z'),
  });
  return { finishJob, steps, stream, world };
}

t.test('the record is written before anybody is told', async (t) => {
  const { finishJob, steps, world } = setUp();
  await finishJob(ref, { state: 'succeeded' });
  t.same(steps, ['record', 'stream', 'webhook succeeded']);
  t.match(world.kept, [
    { seq: 1, state: 'running' },
    { seq: 2, state: 'succeeded' },
  ]);
});

for (const failAt of ['record', 'stream', 'webhook succeeded']) {
  t.test(`a death at "${failAt}" is healed by calling it again`, async (t) => {
    const { finishJob, steps, stream, world } = setUp();
    world.failAt = failAt;
    await t.rejects(finishJob(ref, { state: 'succeeded' }), { message: `died at ${failAt}` });
    await finishJob(ref, { state: 'succeeded' });
    t.equal(steps.at(-1), 'webhook succeeded');
    t.equal(stream.filter(({ state }) => state === 'succeeded').length, 1, 'watchers hear it once');
    t.equal(world.record?.state, 'succeeded');
  });
}

t.test('the first outcome stands, and is the one announced', async (t) => {
  const { finishJob, steps } = setUp();
  await finishJob(ref, { state: 'succeeded' });
  const job = await finishJob(ref, { state: 'failed', failure: { code: 'internal', detail: 'x' } });
  t.equal(job.state, 'succeeded');
  t.notOk(steps.includes('webhook failed'));
});
