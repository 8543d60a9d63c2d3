import { Redis } from 'ioredis';
import t from 'tap';
import { JobAborted } from './index.js';
import { aborted, createWorld, gate, training, until } from './testing/world.js';

t.test('cancelling', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);

  await t.test('a queued job is removed and never runs', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const [a, b] = [training(), training()];
    await api.enqueueTraining(a);
    await api.enqueueTraining(b);
    t.equal(await api.requestCancel(a.jobId), 'removed');
    const ran: string[] = [];
    const consumer = await worker.processTraining(async ({ jobId }) => void ran.push(jobId), {
      concurrency: 1,
    });
    await until(async () => ran.length === 1);
    await consumer.close();
    t.same(ran, [b.jobId]);
  });

  await t.test('a running job is told in the process that runs it, and is not retried', async (t) => {
    const [api, worker, bystander] = [world.queue(), world.queue(), world.queue()];
    const payload = training();
    const started = gate();
    let runs = 0;
    const handler = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      runs += 1;
      started.open();
      throw await aborted(signal);
    };
    const dead = gate<Error>();
    const options = { concurrency: 1, onDead: async (_: unknown, error: Error) => dead.open(error) };
    await worker.processTraining(handler, options);
    await bystander.processTraining(handler, options);
    await api.enqueueTraining(payload);
    await started.opened;
    t.equal(await api.requestCancel(payload.jobId), 'signalled');
    const error = await dead.opened;
    t.ok(error instanceof JobAborted);
    t.match(error, { reason: 'cancelled' });
    await Promise.all([worker.close(), bystander.close()]);
    t.equal(runs, 1);
  });

  await t.test('a handler that records the cancellation itself and returns ends the job', async (t) => {
    const queue = world.queue();
    const payload = training();
    const [started, stopped] = [gate(), gate<unknown>()];
    const consumer = await queue.processTraining(
      async (_, { signal }) => {
        started.open();
        stopped.open(await aborted(signal));
      },
      { concurrency: 1 },
    );
    await queue.enqueueTraining(payload);
    await started.opened;
    await queue.requestCancel(payload.jobId);
    t.match(await stopped.opened, { reason: 'cancelled' });
    await consumer.close();
    t.equal(await queue.requestCancel(payload.jobId), 'unknown');
  });

  await t.test('a request that comes while a worker takes the job is not missed', async (t) => {
    // A worker has the job (active) but waits, its handler not called: the message finds nobody, the flag is found.
    const [api, worker] = [world.queue(), world.queue()];
    const [holder, payload] = [training('ada'), training('ada')];
    const [started, go] = [gate(), gate()];
    const told = gate<unknown>();
    await worker.processTraining(
      async ({ jobId }, { signal }) => {
        if (jobId === payload.jobId) return told.open(signal.reason);
        started.open();
        await go.opened;
      },
      { concurrency: 2 },
    );
    await api.enqueueTraining(holder);
    await started.opened;
    // Before it is enqueued at all: the flag alone must do.
    t.equal(await api.requestCancel(payload.jobId), 'unknown');
    await api.enqueueTraining(payload);
    await until(async () => (await api.counts()).training.delayed === 1);
    go.open();
    t.match(await told.opened, { reason: 'cancelled' });
    await worker.close();
  });

  await t.test('a request whose message is lost with the connection is found by its flag', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const redis = new Redis(world.server.connect());
    t.teardown(() => redis.disconnect());
    const payload = training();
    const [started, told] = [gate(), gate<unknown>()];
    await worker.processTraining(
      async (_, { signal }) => {
        started.open();
        told.open(await aborted(signal));
      },
      { concurrency: 1 },
    );
    await api.enqueueTraining(payload);
    await started.opened;
    // One transaction: the subscriber is gone when the message goes out, and the flag is there when it is back.
    await redis
      .multi()
      .call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      .set(`{scion}:cancel:${payload.jobId}`, '1', 'EX', 60)
      .publish('{scion}:cancel', payload.jobId)
      .exec();
    t.match(await told.opened, { reason: 'cancelled' });
    await Promise.all([api.close(), worker.close()]);
  });

  await t.test('of a request and a worker racing for a job, one wins, and both know who', async (t) => {
    for (let round = 0; round < 20; round += 1) {
      const [api, worker] = [world.queue(), world.queue()];
      const payload = training();
      const ran = gate<unknown>();
      await worker.processTraining(
        async (_, { signal }) => {
          ran.open(await aborted(signal));
        },
        { concurrency: 1 },
      );
      // Both orders occur over the rounds: the job may be waiting or taken when the request arrives.
      const enqueued = api.enqueueTraining(payload);
      for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
      if (round % 2) await enqueued;
      const result = await api.requestCancel(payload.jobId);
      await enqueued;
      if (result === 'removed') t.match((await api.counts()).training, { waiting: 0, active: 0, delayed: 0 });
      else t.match(await ran.opened, { reason: 'cancelled' });
      await Promise.all([api.close({ graceMs: 0 }), worker.close({ graceMs: 0 })]);
    }
  });
});
