import type { JobEvent } from '@scion/contracts';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { createWorld, until } from './testing/world.js';

let made = 0;
const newJob = (): string => `job_events${made++}`;
const metric = (step: number) => ({ type: 'metric', series: 'final', step, loss: 1 / step }) as const;
const seqs = (events: JobEvent[]): number[] => events.map(({ seq }) => seq);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1);

t.test('job events', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const [api, worker] = [world.queue(), world.queue()];
  const collect = async (jobId: string, afterSeq = 0, signal?: AbortSignal): Promise<JobEvent[]> => {
    const seen: JobEvent[] = [];
    for await (const event of api.events.subscribe(jobId, afterSeq, signal)) seen.push(event);
    return seen;
  };

  await t.test('seq counts from 1 without gaps, whoever appends', async (t) => {
    const jobId = newJob();
    await Promise.all(upTo(50).map((step) => (step % 2 ? api : worker).events.append(jobId, metric(step))));
    t.same(seqs(await api.events.read(jobId)), upTo(50));
    t.same(seqs(await api.events.read(jobId, 47)), [48, 49, 50]);
    t.same(await api.events.read('job_unknown'), []);
    t.match(await api.events.read(jobId, 49), [{ type: 'metric', series: 'final', at: /Z$/ }]);
  });

  await t.test(
    'a subscriber gets every event once and in order, wherever it starts, until the end',
    async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(10), fc.nat(10), fc.nat(20), async (before, after, from) => {
          const jobId = newJob();
          for (let step = 1; step <= before; step += 1) await worker.events.append(jobId, metric(step));
          const afterSeq = Math.min(from, before);
          const seen = collect(jobId, afterSeq);
          for (let step = 1; step <= after; step += 1) await worker.events.append(jobId, metric(step));
          await worker.events.append(jobId, { type: 'state', state: 'succeeded' });
          t.same(seqs(await seen), upTo(before + after + 1).slice(afterSeq));
        }),
        { numRuns: 30 },
      );
    },
  );

  await t.test('a new attempt starts over after `queued`, and a dead one can add nothing', async (t) => {
    const jobId = newJob();
    await api.events.append(jobId, { type: 'state', state: 'queued' });
    const seen = collect(jobId);
    const first = await worker.events.open(jobId);
    await first.append({ type: 'state', state: 'running' });
    await first.append(metric(1));
    const second = await api.events.open(jobId);
    t.equal(await first.append(metric(2)), undefined);
    await second.append({ type: 'state', state: 'running' });
    await second.append({ type: 'state', state: 'succeeded' });
    t.match(await api.events.read(jobId), [
      { seq: 1, state: 'queued' },
      { seq: 2, state: 'running' },
      { seq: 3, state: 'succeeded' },
    ]);
    const states = (await seen).map(({ state }) => state);
    t.equal(states[0], 'queued');
    t.equal(states.filter((state) => state === 'queued').length, 1);
    t.same(states.slice(-2), ['running', 'succeeded']);
    await api.events.open(jobId);
    await api.events.open(jobId);
    t.match(await api.events.read(jobId), [{ seq: 1, state: 'queued' }], 'opening again has the same effect');
  });

  await t.test(
    'who comes back with a seq of an attempt that is gone gets the new one from its start',
    async (t) => {
      const jobId = newJob();
      const first = await worker.events.open(jobId);
      for (const step of upTo(9)) await first.append(metric(step));
      const second = await worker.events.open(jobId);
      await second.append(metric(1));
      await second.append({ type: 'state', state: 'failed' });
      t.same(seqs(await collect(jobId, 9)), [1, 2]);
    },
  );

  await t.test(
    'who comes back with an event of an attempt that is gone misses nothing of the new one, however long it is',
    async (t) => {
      const jobId = newJob();
      await api.events.append(jobId, { type: 'state', state: 'queued' });
      const first = await worker.events.open(jobId);
      await first.append(metric(1));
      const at = (await first.append(metric(2))) as JobEvent;
      // Redis may have lost all of it in between.
      for (const lost of [false, true]) {
        if (lost) await world.server.flush();
        const second = await worker.events.open(jobId);
        for (const step of upTo(9)) await second.append(metric(step));
        await second.append({ type: 'state', state: 'succeeded' });
        const seen: JobEvent[] = [];
        for await (const event of api.events.subscribe(jobId, at)) seen.push(event);
        t.same(seqs(seen), lost ? upTo(10) : upTo(11).slice(1), 'but `queued`, which was there before');
        t.ok(seen.every(({ run }) => (run ?? 0) > (at.run ?? 0)));
      }
    },
  );

  await t.test('a subscription ends with its signal, before, while waiting or while reading', async (t) => {
    const jobId = newJob();
    t.same(await collect(jobId, 0, AbortSignal.abort()), []);
    const waiting = new AbortController();
    const seen = collect(jobId, 0, waiting.signal);
    await worker.events.append(jobId, metric(1));
    const reading = new AbortController();
    for await (const event of api.events.subscribe(jobId, 0, reading.signal)) {
      t.equal(event.seq, 1);
      reading.abort();
    }
    waiting.abort();
    t.ok((await seen).length <= 1);
  });

  await t.test('a thousand subscribers share one connection, and leave nothing behind', async (t) => {
    const redis = new Redis(world.server.connect());
    t.teardown(() => redis.disconnect());
    const clients = async (): Promise<number> =>
      ((await redis.client('LIST')) as string).trim().split('\n').length;
    const jobs = upTo(10).map(newJob);
    await collect(jobs[0] ?? '', 0, AbortSignal.timeout(1));
    const before = await clients();
    const all = upTo(1_000).map((n) => collect(jobs[n % 10] ?? ''));
    await until(async () => ((await redis.pubsub('CHANNELS', '*:events:*')) as string[]).length === 10);
    t.equal(await clients(), before);
    for (const jobId of jobs) await worker.events.append(jobId, { type: 'state', state: 'cancelled' });
    t.same((await Promise.all(all)).flatMap(seqs), upTo(1_000).fill(1));
    await until(async () => ((await redis.pubsub('CHANNELS', '*:events:*')) as string[]).length === 0);
  });

  await t.test('a subscriber outlives a lost connection', async (t) => {
    const redis = new Redis(world.server.connect());
    t.teardown(() => redis.disconnect());
    const jobId = newJob();
    const seen = collect(jobId);
    await until(async () => ((await redis.pubsub('CHANNELS', `*${jobId}`)) as string[]).length === 1);
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await worker.events.append(jobId, metric(1));
    await worker.events.append(jobId, { type: 'state', state: 'succeeded' });
    t.same(seqs(await seen), [1, 2]);
  });

  await t.test('streams expire: a day after the end, a week without one', async (t) => {
    const redis = new Redis(world.server.connect());
    t.teardown(() => redis.disconnect());
    const jobId = newJob();
    const ttl = async (): Promise<number[]> =>
      Promise.all((await redis.keys(`*${jobId}`)).map((name) => redis.ttl(name)));
    await worker.events.append(jobId, metric(1));
    t.ok((await ttl()).every((seconds) => seconds > 6 * 86_400));
    await worker.events.append(jobId, { type: 'state', state: 'failed' });
    t.ok((await ttl()).every((seconds) => seconds > 0 && seconds <= 86_400));
    t.equal((await ttl()).length, 2);
  });
});
