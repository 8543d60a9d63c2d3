import t from 'tap';
import type { Queue, TrainingPayload } from './index.js';
import { createWorld, gate, training, until } from './testing/world.js';

/** Workers that stop at each job until told to go on; `started` lists the tenants in order of their starts. */
async function controlled(queues: Queue[]) {
  const started: TrainingPayload[] = [];
  const held: (() => void)[] = [];
  for (const queue of queues) {
    await queue.processTraining(
      async (payload) => {
        const go = gate();
        started.push(payload);
        held.push(() => go.open());
        await go.opened;
      },
      { concurrency: 1 },
    );
  }
  return {
    started,
    /** Lets the oldest running job end and waits until another has started. */
    async next() {
      const before = started.length;
      held.shift()?.();
      await until(async () => started.length > before);
    },
    letAllGo() {
      for (const go of held.splice(0)) go();
    },
  };
}

t.test(
  'a tenant with 10,000 jobs delays another’s first job by at most one job of each worker',
  async (t) => {
    const world = await createWorld();
    t.teardown(world.close);
    const workers = [world.queue(), world.queue()];
    const api = world.queue();
    for (let batch = 0; batch < 10; batch += 1) {
      await Promise.all(Array.from({ length: 1_000 }, () => api.enqueueTraining(training())));
    }
    const run = await controlled(workers);
    await until(async () => run.started.length === 2);
    for (let n = 0; n < 5; n += 1) await run.next();
    const at = run.started.length;
    const others = [1, 2, 3].map(() => ({ ...training(), tenantId: 'ten_2' }));
    for (const other of others) await api.enqueueTraining(other);
    let waited = 0;
    while (!run.started.some(({ tenantId }) => tenantId === 'ten_2')) {
      await run.next();
      waited = run.started.length - at;
      if (waited > 4) break;
    }
    t.comment(`started as number ${waited} after its arrival, ${workers.length} workers`);
    t.ok(waited <= workers.length, `it was number ${waited} to start`);
    for (let n = 0; n < 8; n += 1) await run.next();
    const second = run.started.slice(at).filter(({ tenantId }) => tenantId === 'ten_2').length;
    t.equal(second, 3, 'and its others take turns with those of the first');
    await Promise.all([
      ...workers.map((worker) => worker.close({ graceMs: 0 })),
      // Handlers here do not listen to their signal.
      run.letAllGo(),
    ]);
  },
);

t.test('a lost Redis forgets who has had how much, and nothing else', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const [api, worker] = [world.queue(), world.queue({ timings: { lockMs: 600 } })];
  const jobs = [training(), training(), { ...training(), tenantId: 'ten_2' }];
  await Promise.all(jobs.map((job) => api.enqueueTraining(job)));
  await world.server.flush();
  const ran: string[] = [];
  await worker.processTraining(async ({ jobId }) => void ran.push(jobId), { concurrency: 1 });
  // As the registry does after it has restored its indexes; twice, for two processes that noticed.
  for (let n = 0; n < 2; n += 1) for (const job of jobs) await api.enqueueTraining(job);
  await until(async () => ran.length >= 3);
  t.same(ran.sort(), jobs.map(({ jobId }) => jobId).sort());
});

t.test('a cap holds over all workers', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const options = { shareOf: async () => ({ concurrentJobs: 1 }) };
  const api = world.queue(options);
  const workers = [world.queue(options), world.queue(options)];
  const run = await controlled(workers);
  for (let n = 0; n < 4; n += 1) await api.enqueueTraining(training());
  await until(async () => run.started.length === 1);
  t.match((await api.counts()).training, { waiting: 3, active: 1 });
  for (let n = 0; n < 3; n += 1) {
    await run.next();
    t.match((await api.counts()).training, { active: 1 });
  }
  run.letAllGo();
});
