import type { Job, Overview } from '@scion/contracts';
import { createTestClock, startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { createMeter, type Meter, type ProcessState } from './index.js';

const server = await startRedis();
const redis = new Redis({ ...server.connect(), maxRetriesPerRequest: 1, retryStrategy: () => 10 });
redis.on('error', () => {});
t.teardown(async () => {
  redis.disconnect();
  await server.close();
});

const tenantId = (n: number) => `ten_${String(n).padStart(26, '0')}`;
const metrics = { accuracy: 1, macroF1: 1, logLoss: 0, rows: 4 };
const idle = {
  queue: { waiting: 0, active: 0, delayed: 0, failed: 0, oldestWaitSeconds: null },
  stageOf: async () => ({ stage: 'head' as const, progress: 0.5 }),
};
const api = (cache: Partial<Extract<ProcessState, { kind: 'api' }>['cache']> = {}): ProcessState => ({
  kind: 'api',
  cache: { bytes: 0, budgetBytes: 100, entries: 0, hits: 0, misses: 0, resident: [], ...cache },
});
const worker: ProcessState = {
  ...{ kind: 'worker', startedAt: '2026-01-01T00:00:00.000Z', provider: 'cpu', threads: 2, slots: 1 },
  jobs: [],
};

async function setUp() {
  await redis.flushall();
  const clock = createTestClock(Date.UTC(2026, 0, 1, 12, 0, 30));
  const meter = (state: ProcessState | (() => ProcessState) = api()): Meter =>
    createMeter({
      ...{ redis, clock, flushMs: 0, onError: () => {} },
      describe: typeof state === 'function' ? state : () => state,
    });
  let made = 0;
  const job = (over: Partial<Job> = {}, tookMs = 4_000, waitedMs = 1_000): Job => {
    made += 1;
    const time = (ms: number) => new Date(clock() - ms).toISOString();
    return {
      ...{
        id: `job_${String(made).padStart(26, '0')}`,
        tenantId: tenantId(1),
        task: 'inbox',
        user: 'secret user',
      },
      ...{ state: 'succeeded', stage: null, progress: 1, attempts: 1, version: 1, failure: null },
      ...{ createdAt: time(tookMs), startedAt: time(tookMs - waitedMs), finishedAt: time(0) },
      gate: { promoted: true, reason: 'better', candidate: metrics, majority: metrics, live: null },
      ...over,
    };
  };
  return { clock, meter, job };
}
const codes = ({ alerts }: Overview) => alerts.map(({ code }) => code);

t.test('counts of all processes come together in the minutes they happened in', async (t) => {
  const { clock, meter, job } = await setUp();
  const [one, two] = [meter(), meter(worker)];
  one.predicted(tenantId(1), 10, 8);
  one.predicted(tenantId(1), 5, 8);
  await two.jobEnded(job());
  two.delivered(true);
  clock.advance(60_000);
  one.predicted(tenantId(1), 30, 100);
  await two.jobEnded(job({ state: 'failed', gate: null }));
  await two.jobEnded(job({ state: 'cancelled', gate: null, startedAt: null }));
  two.delivered(false);
  await one.flush();
  await two.flush();
  const overview = await one.overview({ from: '2026-01-01T12:00:00.000Z' }, idle);
  t.same(overview.at, ['2026-01-01T12:00:00.000Z', '2026-01-01T12:01:00.000Z']);
  t.same(overview.jobs, {
    ...{ succeeded: [1, 0], failed: [0, 1], cancelled: [0, 1] },
    ...{ promoted: [1, 0], kept: [0, 0] },
  });
  t.ok(Math.abs(overview.predict.p50Ms[0]! - 8) < 0.8, 'p50 within 9 %');
  t.ok(Math.abs(overview.predict.p99Ms[1]! - 100) < 10);
  t.ok(Math.abs(overview.timeToLive.p50[0]! - 4) < 0.4);
  t.equal(overview.timeToLive.p50[1], null, 'a gap where nothing went live');
  t.same(overview.webhooks, { delivered: [1, 0], failed: [0, 1] });
  t.same(overview.queue.tenants, [{ tenantId: tenantId(1), waiting: [0, 0], waitSeconds: [1, 1] }]);
  t.match(overview.totals, { ended: 3, failureRate: 1 / 3, promotionRate: 1, predictedRows: 45 });
});

t.test('rows a second of the bucket still counted are those of the part of it that has passed', async (t) => {
  const { clock, meter } = await setUp();
  const one = meter();
  const rates = async (from: string, to?: string) => {
    await one.flush();
    return (await one.overview({ from, ...(to !== undefined && { to }) }, idle)).predict.rowsPerSecond;
  };
  // Of the bucket, 30 seconds have passed.
  one.predicted(tenantId(1), 15, 8);
  t.same(await rates('2026-01-01T12:00:00.000Z'), [0.5]);
  clock.advance(30_000);
  t.same(await rates('2026-01-01T12:00:00.000Z'), [0.25, 0], 'a whole one over all of its time');
  clock.advance(30_000);
  one.predicted(tenantId(1), 60, 8);
  t.same(await rates('2026-01-01T12:00:00.000Z'), [0.25, 2]);
  t.equal((await rates('2025-12-31T12:30:00.000Z')).at(-1), 0.8333, 'of a quarter of an hour, too');
  clock.advance(3_600_000);
  t.same(await rates('2026-01-01T12:00:00.000Z', '2026-01-01T12:01:30.000Z'), [0.25, 1], 'long past');
});

t.test('a job whose end is told twice counts once, whichever process tells it', async (t) => {
  const { meter, job } = await setUp();
  const [one, two] = [meter(), meter()];
  const ended = job();
  await Promise.all([one.jobEnded(ended), two.jobEnded(ended), one.jobEnded(ended)]);
  await one.flush();
  await two.flush();
  t.same((await one.overview({}, idle)).jobs.succeeded.at(-1), 1);
});

t.test('what was counted while Redis was away is sent when it is back', async (t) => {
  const { meter } = await setUp();
  const one = meter();
  one.predicted(tenantId(1), 7, 5);
  await server.kill();
  await t.rejects(one.flush());
  one.predicted(tenantId(1), 2, 5);
  await server.restart();
  await redis.ping().catch(() => redis.ping());
  await one.flush();
  t.equal((await one.overview({}, idle)).totals.predictedRows, 9);
});

t.test(
  'cache bytes and lookups are those of all processes, and states of a bucket are its greatest',
  async (t) => {
    const { clock, meter } = await setUp();
    const cache = { bytes: 60, entries: 3, hits: 90, misses: 10 };
    const one = meter(() => api(cache));
    const two = meter(api({ bytes: 40, entries: 2 }));
    one.waiting(5, [[tenantId(2), 4]]);
    await one.flush();
    await two.flush();
    clock.advance(60_000);
    Object.assign(cache, { bytes: 10, entries: 1, hits: 100, misses: 100 });
    one.waiting(2, [[tenantId(2), 2]]);
    await one.flush();
    const overview = await two.overview({ from: '2026-01-01T12:00:00.000Z' }, idle);
    t.same(overview.cache.bytes, [100, 10]);
    t.same(overview.cache.entries, [5, 1]);
    t.same(overview.cache.hitRate, [0.9, 0.1]);
    t.same(overview.queue.waiting, [5, 2]);
    t.match(overview.queue.tenants, [{ tenantId: tenantId(2), waiting: [4, 2] }]);
    t.same(overview.now.cache, { bytes: 50, budgetBytes: 200, entries: 3 });
  },
);

t.test('a range is at most a day, in at most 100 buckets, and ends with the one still counted', async (t) => {
  const { clock, meter } = await setUp();
  const one = meter();
  one.predicted(tenantId(1), 3, 1);
  await one.flush();
  for (const [hours, stepSeconds] of [
    [1, 60],
    [3, 120],
    [24, 900],
    [100, 900],
  ] as const) {
    const from = new Date(clock() - hours * 3_600_000).toISOString();
    const overview = await one.overview({ from }, idle);
    t.equal(overview.stepSeconds, stepSeconds);
    t.ok(overview.at.length <= 100 && overview.at.length > 30, `${overview.at.length}`);
    t.ok(Date.parse(overview.to) > clock());
    t.equal(overview.totals.predictedRows, 3);
  }
  await t.rejects(one.overview({ from: new Date(clock() + 1).toISOString() }, idle), {
    code: 'invalid_request',
  });
  clock.advance(25 * 3_600_000);
  t.equal((await one.overview({ from: '2026-01-01T00:00:00.000Z' }, idle)).totals.predictedRows, 0);
  for (const key of await redis.keys('{scion}:meter:minute:*')) {
    t.ok((await redis.ttl(key)) > 0, 'minutes expire');
  }
});

t.test('workers tell what they train; one that is silent, or has left, is gone', async (t) => {
  const { meter } = await setUp();
  const running = { jobId: `job_${'1'.repeat(26)}`, tenantId: tenantId(1), task: 'inbox', startedAt: 'now' };
  const [one, two, three] = [meter(), meter({ ...worker, jobs: [running] }), meter(worker)];
  for (const each of [one, two, three]) await each.flush();
  const { now } = await one.overview({}, idle);
  t.equal(now.apis, 1);
  t.equal(now.workers.length, 2);
  t.match(
    now.workers.flatMap(({ jobs }) => jobs),
    [{ ...running, stage: 'head', progress: 0.5 }],
  );
  await three.close();
  t.equal((await one.overview({}, idle)).now.workers.length, 1);
  // As after its life without a word.
  for (const key of await redis.keys('{scion}:meter:process:*')) await redis.del(key);
  t.same((await one.overview({}, idle)).now.workers, []);
});

t.test(
  'each alert is raised by what it names, says the figures and a remedy, and is silent otherwise',
  async (t) => {
    const healthy = await setUp();
    const well = healthy.meter(worker);
    await well.flush();
    t.same(codes(await well.overview({}, idle)), []);

    const { meter, job, clock } = await setUp();
    const one = meter(api({ bytes: 100, hits: 10, misses: 190 }));
    for (let n = 0; n < 6; n += 1) await one.jobEnded(job({ state: 'failed', gate: null }));
    const gate = { ...job().gate!, promoted: false };
    for (let n = 0; n < 10; n += 1) await one.jobEnded(job({ gate }));
    for (let n = 0; n < 5; n += 1) one.delivered(false);
    one.predicted(tenantId(1), 100, 5_000);
    one.refused();
    await one.flush();
    const queue = { waiting: 3, active: 0, delayed: 0, failed: 2, oldestWaitSeconds: 4_000 };
    const bad = await one.overview({}, { ...idle, queue });
    t.same(codes(bad), [
      ...['no_workers', 'jobs_failing', 'queue_slow', 'jobs_given_up', 'predictions_refused'],
      ...['predictions_slow', 'cache_too_small', 'webhooks_failing', 'few_promotions'],
    ]);
    for (const { detail, remedy } of bad.alerts) t.ok(/\d/.test(detail) && remedy.length > 20, detail);
    clock.advance(20 * 60_000);
    t.same(codes(await one.overview({}, idle)), ['no_workers'], 'what is past is past');
  },
);

t.test('no name that is counted under holds a user', async (t) => {
  const { meter, job } = await setUp();
  const one = meter();
  await one.jobEnded(job());
  one.predicted(tenantId(1), 1, 1);
  await one.flush();
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    const content =
      type === 'hash'
        ? await redis.hgetall(key)
        : type === 'set'
          ? await redis.smembers(key)
          : await redis.get(key);
    t.notMatch(`${key} ${JSON.stringify(content)}`, 'secret user');
  }
});

t.test('use is summed by tenant and day over processes, and begins anew after a loss of Redis', async (t) => {
  const { clock, meter } = await setUp();
  const cached = new Map([[tenantId(1), 3_600]]);
  const serving = createMeter({
    ...{ redis, clock, flushMs: 0, onError: () => {} },
    describe: () => api(),
    cachedBytes: () => cached,
  });
  const training = meter(worker);
  serving.predicted(tenantId(1), 5, 1);
  serving.predicted(tenantId(2), 1, 1);
  training.trained(tenantId(1), 1.5);
  clock.advance(10_000);
  await serving.flush();
  await training.flush();
  const first = await serving.usage(tenantId(1), '2026-01-01');
  t.match(first, { predictRows: 5, trainingSeconds: 1.5, cacheByteHours: 10 });
  t.match(await serving.usage(tenantId(2), '2026-01-01'), { predictRows: 1, trainingSeconds: 0 });
  t.same((await serving.usersOf('2026-01-01')).sort(), [tenantId(1), tenantId(2)]);
  t.equal(await serving.usage(tenantId(1), '2026-01-02'), undefined);
  await redis.flushall();
  cached.clear();
  serving.predicted(tenantId(1), 2, 1);
  await serving.flush();
  const second = await serving.usage(tenantId(1), '2026-01-01');
  t.match(second, { predictRows: 2, cacheByteHours: 0 });
  t.not(second?.epoch, first?.epoch);
});
