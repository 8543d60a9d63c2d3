import { AppError } from '@scion/contracts';
import t from 'tap';
import { jobTable, type TrainingPayload } from './index.js';
import { aborted, createWorld, gate, training, until } from './testing/world.js';

t.test('queue', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);

  await t.test('a job enqueued many times runs once, with its payload', async (t) => {
    const [api, worker] = [world.queue(), world.queue()];
    const payload = training();
    await Promise.all(Array.from({ length: 10 }, () => api.enqueueTraining(payload)));
    const runs: TrainingPayload[] = [];
    const consumer = await worker.processTraining(async (given) => void runs.push(given), { concurrency: 4 });
    await until(async () => (await api.counts()).training.waiting === 0 && runs.length > 0);
    await consumer.close();
    t.same(runs, [payload]);
    t.match(await api.counts(), { training: { waiting: 0, active: 0, delayed: 0, failed: 0 } });
  });

  await t.test('workers are counted by process', async (t) => {
    const api = world.queue();
    t.equal((await api.counts()).workers, 0);
    const options = { concurrency: 2 };
    await world.queue().processTraining(async () => {}, options);
    const second = await world.queue().processTraining(async () => {}, options);
    await until(async () => (await api.counts()).workers === 2);
    await second.close();
    await until(async () => (await api.counts()).workers === 1);
    t.pass();
  });

  await t.test('a delivery is one job for its event and webhook', async (t) => {
    const queue = world.queue();
    const delivery = { tenantId: 'ten_1', webhookId: 'whk_1', eventId: 'evt_1', jobId: 'job_1' };
    await queue.enqueueDelivery({ ...delivery, type: 'job.failed' });
    await queue.enqueueDelivery({ ...delivery, type: 'job.failed' });
    await queue.enqueueDelivery({ ...delivery, webhookId: 'whk_2', type: 'job.failed' });
    const seen: string[] = [];
    const consumer = await queue.processDeliveries(async ({ webhookId }) => void seen.push(webhookId), {
      concurrency: 1,
    });
    await until(async () => seen.length === 2);
    await consumer.close();
    t.same(seen.sort(), ['whk_1', 'whk_2']);
  });

  t.test('retries spread over a day for deliveries, and ids suit BullMQ', async (t) => {
    const { attempts, backoff } = jobTable.deliver;
    let hours = 0;
    for (let failed = 1; failed < attempts; failed += 1) {
      hours += Math.min(backoff.maxMs, backoff.firstMs * 2 ** (failed - 1)) / 3_600_000;
    }
    t.ok(hours > 20 && hours <= 24, `${hours} h`);
    const id = jobTable.deliver.id({
      ...{ tenantId: 'ten_1', webhookId: 'whk_1', eventId: 'evt_1', jobId: 'job_1', type: 'job.failed' },
    });
    t.notMatch(id, /:|^\d+$/);
  });
});

t.test('a worker goes on after Redis was killed and came back empty', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const [api, worker] = [world.queue(), world.queue()];
  const [a, b] = [training(), training()];
  const ran = new Map([a, b].map(({ jobId }) => [jobId, gate()]));
  await worker.processTraining(async ({ jobId }) => ran.get(jobId)?.open(), { concurrency: 1 });
  await api.enqueueTraining(a);
  await ran.get(a.jobId)?.opened;
  await world.server.kill('SIGKILL');
  await world.server.restart();
  await api.enqueueTraining(b);
  await ran.get(b.jobId)?.opened;
  t.match((await api.counts()).training, { waiting: 0 });
});

t.test('a worker can be closed while Redis is away', async (t) => {
  const cases = { idle: false, 'with a job that runs': true };
  for (const [name, busy] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const world = await createWorld();
      t.teardown(world.close);
      const worker = world.queue({
        connection: { ...world.server.connect(), maxRetriesPerRequest: 1 },
        timings: { awayMs: 50 },
      });
      const started = gate();
      const consumer = await worker.processTraining(
        async (_, { signal }) => {
          started.open();
          await aborted(signal);
        },
        { concurrency: 1 },
      );
      if (busy) {
        await worker.enqueueTraining(training());
        await started.opened;
      }
      await world.server.kill('SIGKILL');
      await consumer.close({ graceMs: 0 });
      t.pass('closed');
    });
  }
});

t.test('failures', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);

  await t.test('what the caller did wrong is not retried, and its end is told', async (t) => {
    const queue = world.queue();
    const payload = training();
    const dead = gate<unknown>();
    let runs = 0;
    const consumer = await queue.processTraining(
      async () => {
        runs += 1;
        throw new AppError('too_few_examples', 'Append more examples.');
      },
      { concurrency: 1, onDead: async (given, error) => dead.open([given, error]) },
    );
    await queue.enqueueTraining(payload);
    t.match(await dead.opened, [payload, { code: 'too_few_examples' }]);
    await until(async () => (await queue.counts()).training.failed === 1);
    await consumer.close();
    t.equal(runs, 1);
  });

  await t.test('enqueueing a dead job again gives it a new life', async (t) => {
    const queue = world.queue();
    const payload = training();
    const dead = gate();
    const failing = await queue.processTraining(
      async () => {
        throw new AppError('too_few_examples', 'Append more examples.');
      },
      { concurrency: 1, onDead: async () => dead.open() },
    );
    await queue.enqueueTraining(payload);
    await dead.opened;
    await failing.close();
    await queue.enqueueTraining(payload);
    const ran = gate<number>();
    const consumer = await queue.processTraining(async (_, { attempt }) => ran.open(attempt), {
      concurrency: 1,
    });
    t.equal(await ran.opened, 1);
    await consumer.close();
  });

  await t.test('a passing failure is retried with a higher attempt', async (t) => {
    const queue = world.queue();
    const attempts: number[] = [];
    const done = gate();
    const consumer = await queue.processTraining(
      async (_, { attempt, finalAttempt }) => {
        attempts.push(attempt);
        t.notOk(finalAttempt);
        if (attempt === 1) throw new AppError('internal', 'Try again.');
        done.open();
      },
      { concurrency: 1 },
    );
    await queue.enqueueTraining(training());
    await done.opened;
    await consumer.close();
    t.same(attempts, [1, 2]);
  });
});
