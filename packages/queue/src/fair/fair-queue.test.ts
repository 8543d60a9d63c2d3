import { startRedis } from '@scion/testkit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { createFairModel, type ModelJob } from '../testing/fair-model.js';
import { createFairQueue } from './fair-queue.js';

const server = await startRedis();
const redis = new Redis(server.connect());
t.teardown(async () => {
  redis.disconnect();
  await server.close();
});
const open = (lifeMs = 60_000) =>
  createFairQueue({ redis, prefix: '{f}', bullKeys: '{f}:bull:train:', lifeMs });
const payload = ({ id, tenant, level }: ModelJob) =>
  ({
    ...{ jobId: id, tenantId: tenant, task: 'mail', user: id },
    priority: level === 1 ? 'bulk' : 'interactive',
  }) as const;

t.test(
  'the scripts decide as the model does, over any mix of arrivals, ends, weights and caps',
  async (t) => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('enqueue' as const),
        tenant: fc.constantFrom('a', 'b', 'c'),
        level: fc.constantFrom<0 | 1>(0, 1),
      }),
      fc.record({
        kind: fc.constant('end' as const),
        which: fc.nat(9),
        seconds: fc.integer({ min: 1, max: 9 }),
      }),
    );
    const shares = fc.record({ weight: fc.constantFrom(1, 2, 5), cap: fc.constantFrom(0, 1, 3) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.tuple(shares, shares, shares),
        fc.integer({ min: 1, max: 5 }),
        async (steps, given, slots) => {
          await redis.flushall();
          const model = createFairModel();
          const fair = open();
          await fair.tend('w', slots);
          const running: ModelJob[] = [];
          let made = 0;
          for (const one of steps) {
            if (one.kind === 'enqueue') {
              const { tenant, level } = one;
              const job: ModelJob = { id: `job ${made}`, tenant, level };
              made += 1;
              const { weight, cap } = given['abc'.indexOf(tenant)] ?? { weight: 1, cap: 0 };
              model.enqueue(job, { weight, cap });
              await fair.enqueue(payload(job), { weight, concurrentJobs: cap });
            } else {
              const [job] = running.splice(one.which % Math.max(1, running.length), 1);
              if (!job) continue;
              model.end(job, one.seconds);
              await fair.end(job.id, one.seconds);
            }
            const expected = model.admit(slots);
            const got = await fair.admit();
            t.strictSame(
              got.map((each) => each.payload.jobId),
              expected.map(({ id }) => id),
            );
            running.push(...expected);
          }
        },
      ),
      { numRuns: 40 },
    );
  },
);

t.test('a job is admitted once, by one of many processes, and only while a worker lives', async (t) => {
  await redis.flushall();
  const all = [open(), open(), open()];
  for (let n = 0; n < 20; n += 1) {
    await all[n % 3]?.enqueue(payload({ id: `job ${n}`, tenant: `t${n % 4}`, level: 0 }), {});
  }
  t.same(await all[0]?.admit(), []);
  await all[0]?.tend('w1', 4);
  await all[0]?.tend('w2', 3);
  const got = (await Promise.all(all.map((fair) => fair.admit()))).flat().map((job) => job.payload.jobId);
  t.equal(got.length, 7);
  t.equal(new Set(got).size, 7);
  await all[1]?.retire('w2');
  await all[1]?.end(got[0] ?? '', 1);
  t.same(await all[2]?.admit(), [], 'six of four slots are in use');
});

t.test(
  'a job whose admission died before BullMQ had it is handed over again, once its claim is old',
  async (t) => {
    await redis.flushall();
    const fair = open(200);
    await fair.enqueue(payload({ id: 'job', tenant: 'a', level: 0 }), {});
    await fair.tend('w', 1);
    t.equal((await fair.admit()).length, 1);
    t.same(await fair.tend('w', 1), [], 'whoever took it may still be on the way');
    await redis.del('{f}:fair:claim:job');
    t.match(await fair.tend('w', 1), [{ payload: { jobId: 'job' } }]);
    t.same(await fair.tend('w', 1), [], 'one process at a time');
    await redis.hset('{f}:bull:train:job', 'name', 'train');
    await redis.del('{f}:fair:claim:job');
    t.same(await fair.tend('w', 1), [], 'BullMQ has it');
  },
);

t.test('what BullMQ gave up frees its slot and its tenant, though its end was never told', async (t) => {
  await redis.flushall();
  const fair = open();
  for (const id of ['one', 'two']) {
    await fair.enqueue(payload({ id, tenant: 'a', level: 0 }), { concurrentJobs: 1 });
  }
  await fair.tend('w', 2);
  t.match(await fair.admit(), [{ payload: { jobId: 'one' } }]);
  await redis.hset('{f}:bull:train:one', 'name', 'train');
  await redis.zadd('{f}:bull:train:failed', 1, 'one');
  await fair.tend('w', 2);
  t.match(await fair.admit(), [{ payload: { jobId: 'two' } }]);
  t.notOk(await fair.begin('one'), 'and a leftover of it must not run');
  await fair.enqueue(payload({ id: 'one', tenant: 'a', level: 0 }), {});
  t.match(
    await fair.admit(),
    [{ payload: { jobId: 'one' }, dead: true }],
    'enqueued again it has a new life',
  );
});

t.test('a job that waits for a retry holds no slot, and takes one when it goes on', async (t) => {
  await redis.flushall();
  const fair = open();
  for (const id of ['one', 'two', 'three']) await fair.enqueue(payload({ id, tenant: 'a', level: 0 }), {});
  await fair.tend('w', 1);
  t.match(await fair.admit(), [{ payload: { jobId: 'one' } }]);
  await fair.park('one', 1);
  t.match(await fair.admit(), [{ payload: { jobId: 'two' } }]);
  t.ok(await fair.begin('one'));
  await fair.end('two', 1);
  t.same(await fair.admit(), [], 'the one that went on has the slot');
  await fair.end('one', 1);
  t.match(await fair.admit(), [{ payload: { jobId: 'three' } }]);
});

t.test('a worker that is silent for too long has no slots', async (t) => {
  await redis.flushall();
  const fair = open();
  await fair.tend('w', 1);
  await fair.enqueue(payload({ id: 'one', tenant: 'a', level: 0 }), {});
  await redis.del('{f}:fair:worker:w');
  t.same(await fair.admit(), []);
});

t.test('the backlog tells what each tenant has waiting, and its first jobs', async (t) => {
  await redis.flushall();
  const fair = open();
  await fair.enqueue(payload({ id: 'one', tenant: 'a', level: 0 }), {});
  await fair.enqueue(payload({ id: 'two', tenant: 'a', level: 1 }), {});
  await fair.enqueue(payload({ id: 'three', tenant: 'a', level: 1 }), {});
  await fair.enqueue(payload({ id: 'four', tenant: 'b', level: 0 }), {});
  const [a, b] = await fair.backlog();
  t.match(a, { tenantId: 'a', waiting: 3 });
  t.same(a?.firstJobs.sort(), ['one', 'two']);
  t.same(b, { tenantId: 'b', waiting: 1, firstJobs: ['four'] });
  await fair.withdraw('four');
  await fair.tend('w', 3);
  await fair.admit();
  t.same(await fair.backlog(), []);
});
