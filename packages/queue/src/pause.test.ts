import t from 'tap';
import { aborted, createWorld, gate, training, until } from './testing/world.js';

t.test('pausing', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);

  await t.test('a queued job leaves the queue, and comes back when it is resumed', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const payload = training();
    await api.enqueueTraining(payload);
    t.equal(await api.requestPause(payload.jobId), 'removed');
    t.match((await api.counts()).training, { waiting: 0 });
    const ran = gate<boolean>();
    await worker.processTraining(async (_, { signal }) => ran.open(signal.aborted), { concurrency: 1 });
    await api.resumeTraining(payload);
    t.notOk(await ran.opened, 'and the old request does not stop it');
    await worker.close();
  });

  await t.test(
    'a running job is told, leaves by returning, and runs from the start when resumed',
    async (t) => {
      const [api, worker] = [world.queue(), world.queue()];
      const payload = training();
      const [started, stopped, again] = [gate(), gate<unknown>(), gate<number>()];
      let runs = 0;
      await worker.processTraining(
        async (_, { signal, attempt }) => {
          runs += 1;
          if (runs > 1) return again.open(attempt);
          started.open();
          stopped.open(await aborted(signal));
        },
        { concurrency: 1 },
      );
      await api.enqueueTraining(payload);
      await started.opened;
      t.equal(await api.requestPause(payload.jobId), 'signalled');
      t.match(await stopped.opened, { reason: 'paused' });
      await until(async () => (await api.counts()).training.active === 0);
      t.match((await api.counts()).training, { waiting: 0, delayed: 0 });
      await api.resumeTraining(payload);
      t.equal(await again.opened, 1);
      await worker.close();
    },
  );

  await t.test('resumed before its paused run has left, it runs again after that', async (t) => {
    const timings = { lockMs: 300 };
    const [api, worker] = [world.queue({ timings }), world.queue({ timings })];
    const payload = training();
    const [started, stopping, go, again] = [gate(), gate(), gate(), gate()];
    let runs = 0;
    await worker.processTraining(
      async (_, { signal }) => {
        runs += 1;
        if (runs > 1) return again.open();
        started.open();
        await aborted(signal);
        stopping.open();
        await go.opened;
      },
      { concurrency: 1 },
    );
    await api.enqueueTraining(payload);
    await started.opened;
    await api.requestPause(payload.jobId);
    await stopping.opened;
    await api.resumeTraining(payload);
    go.open();
    await again.opened;
    t.equal(runs, 2);
    await worker.close();
  });

  await t.test('a handler that throws what stopped it is run again, its attempt unspent', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const payload = training();
    const [started, again] = [gate(), gate<number>()];
    let runs = 0;
    await worker.processTraining(
      async (_, { signal, attempt }) => {
        runs += 1;
        if (runs > 1) return again.open(attempt);
        started.open();
        await aborted(signal);
        await api.resumeTraining(payload);
        throw signal.reason;
      },
      { concurrency: 1 },
    );
    await api.enqueueTraining(payload);
    await started.opened;
    await api.requestPause(payload.jobId);
    t.equal(await again.opened, 1);
    await worker.close();
  });

  await t.test('asking to cancel outweighs a pause, in either order', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const jobs = [training(), training()] as const;
    await api.requestPause(jobs[0].jobId);
    await api.requestCancel(jobs[0].jobId);
    await api.requestCancel(jobs[1].jobId);
    await api.requestPause(jobs[1].jobId);
    const reasons: unknown[] = [];
    await worker.processTraining(async (_, { signal }) => void reasons.push(signal.reason), {
      concurrency: 1,
    });
    for (const job of jobs) await api.enqueueTraining(job);
    await until(async () => reasons.length === 2);
    t.match(reasons, [{ reason: 'cancelled' }, { reason: 'cancelled' }]);
    await worker.close();
  });
});
