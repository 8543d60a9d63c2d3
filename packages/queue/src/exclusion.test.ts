import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { type Consumer, JobAborted } from './index.js';
import { createModelLocks } from './model-locks.js';
import { aborted, createWorld, gate, training, until } from './testing/world.js';

t.test('one training per model', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);

  await t.test(
    'a second job of a model waits without losing an attempt, and runs when the first ends',
    async (t) => {
      // The fallback is far away: only the wake-up at the release can let the second one run in time.
      const timings = { busyRetryMs: 10 * 60_000 };
      const [first, second] = [world.queue({ timings }), world.queue({ timings })];
      const [a, b] = [training('ada'), training('ada')];
      const started = new Map([a, b].map(({ jobId }) => [jobId, gate<number>()]));
      const go = gate();
      const consumers: Consumer[] = [];
      for (const queue of [first, second]) {
        consumers.push(
          await queue.processTraining(
            async ({ jobId }, { attempt }) => {
              started.get(jobId)?.open(attempt);
              if (jobId === a.jobId) await go.opened;
            },
            { concurrency: 2 },
          ),
        );
      }
      await first.enqueueTraining(a);
      t.equal(await started.get(a.jobId)?.opened, 1);
      await first.enqueueTraining(b);
      await until(async () => (await first.counts()).training.delayed === 1);
      go.open();
      t.equal(await started.get(b.jobId)?.opened, 1);
      for (const consumer of consumers) await consumer.close();
    },
  );

  await t.test(
    'whatever the order of jobs over two workers, no model ever trains twice at once',
    async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }), async (models) => {
          const queues = [world.queue(), world.queue()];
          const active = new Map<string, number>();
          const ran: string[] = [];
          let worst = 0;
          const consumers = await Promise.all(
            queues.map((queue) =>
              queue.processTraining(
                async ({ jobId, user }) => {
                  const now = (active.get(user) ?? 0) + 1;
                  active.set(user, now);
                  worst = Math.max(worst, now);
                  await new Promise(setImmediate);
                  active.set(user, now - 1);
                  ran.push(jobId);
                },
                { concurrency: 3 },
              ),
            ),
          );
          const jobs = models.map((model) => training(`model ${model}`));
          await Promise.all(jobs.map((job, at) => queues[at % 2]?.enqueueTraining(job)));
          await until(async () => ran.length >= jobs.length);
          await Promise.all(queues.map((queue) => queue.close()));
          t.equal(worst, 1);
          t.same(ran.sort(), jobs.map(({ jobId }) => jobId).sort());
          t.equal(consumers.length, 2);
        }),
        { numRuns: 8 },
      );
    },
  );

  await t.test('a job takes over the lock of its own dead run; the old holder learns of it', async (t) => {
    const redis = new Redis(world.server.connect());
    t.teardown(() => redis.disconnect());
    const locks = createModelLocks({ redis, prefix: '{t}', lifeMs: 300, onError: () => {} });
    const held = async () => (await redis.keys('{t}:training:*')).length;
    const ref = { tenantId: 'ten_1', task: 'mail', user: 'a:b' };
    const lost = gate();
    const old = await locks.take(ref, 'job_1', () => lost.open());
    t.equal(await locks.take(ref, 'job_2', () => {}), undefined);
    t.equal(await locks.take(ref, 'job_', () => {}), undefined, 'a prefix of an id is another job');
    const next = await locks.take(ref, 'job_1', () => {});
    t.ok(next);
    await lost.opened;
    await old?.release();
    t.equal(await held(), 1, 'and frees nothing that is not its own');
    t.same(await next?.release(), [], 'whoever waited was told by the release before');
    t.equal(await held(), 0);
  });

  await t.test(
    'a lock that Redis lost is kept if nobody else took it, and lost if somebody did',
    async (t) => {
      const redis = new Redis(world.server.connect());
      t.teardown(() => redis.disconnect());
      const locks = createModelLocks({ redis, prefix: '{u}', lifeMs: 300, onError: () => {} });
      const held = async () => (await redis.keys('{u}:training:*')).length;
      const ref = { tenantId: 'ten_1', task: 'mail', user: 'ada' };
      const lost = gate();
      const first = await locks.take(ref, 'job_1', () => lost.open());
      await redis.flushall();
      await until(async () => (await held()) === 1);
      await redis.flushall();
      let other = await locks.take(ref, 'job_2', () => {});
      // The holder may have renewed first; then the lock is still its own, which is as good.
      while (!other) {
        await redis.flushall();
        other = await locks.take(ref, 'job_2', () => {});
      }
      await lost.opened;
      await first?.release();
      t.equal(await held(), 1);
      await other.release();
    },
  );

  await t.test('a run goes on when Redis forgets it, until the job runs elsewhere', async (t) => {
    const timings = { lockMs: 300 };
    const [first, second] = [world.queue({ timings }), world.queue({ timings })];
    const payload = training();
    const [started, ran] = [gate(), gate()];
    const lost = gate<unknown>();
    await first.processTraining(
      async (_, { signal }) => {
        started.open();
        lost.open(await aborted(signal));
        throw signal.reason;
      },
      { concurrency: 1 },
    );
    await first.enqueueTraining(payload);
    await started.opened;
    await world.server.flush();
    // The worker that runs it can take no other job, so this one goes to the second.
    await second.processTraining(
      async (_, { signal }) => {
        ran.open();
        await lost.opened;
        t.notOk(signal.aborted);
      },
      { concurrency: 1 },
    );
    await second.enqueueTraining(payload);
    await ran.opened;
    t.match(await lost.opened, { reason: 'lock_lost' });
    await Promise.all([first.close(), second.close()]);
  });

  await t.test('closing in a hurry puts the running job back, its attempt unspent', async (t) => {
    const [leaving, staying] = [world.queue(), world.queue()];
    const payload = training();
    const started = gate();
    const consumer = await leaving.processTraining(
      async (_, { signal }) => {
        started.open();
        throw await aborted(signal);
      },
      { concurrency: 1 },
    );
    await leaving.enqueueTraining(payload);
    await started.opened;
    await consumer.close({ graceMs: 0 });
    const ran = gate<number>();
    const next = await staying.processTraining(async (_, { attempt }) => ran.open(attempt), {
      concurrency: 1,
    });
    t.equal(await ran.opened, 1);
    await next.close();
  });

  await t.test('closing without a limit waits for the running job', async (t) => {
    const queue = world.queue();
    const [started, go] = [gate(), gate()];
    let reason: unknown;
    let ended = false;
    const consumer = await queue.processTraining(
      async (_, { signal }) => {
        started.open();
        await go.opened;
        reason = signal.reason;
        ended = true;
      },
      { concurrency: 1 },
    );
    await queue.enqueueTraining(training());
    await started.opened;
    const closed = consumer.close();
    go.open();
    await closed;
    t.ok(ended);
    t.notOk(reason instanceof JobAborted);
  });
});
