import { randomUUID } from 'node:crypto';
import type { Clock, Job, Overview, ProcessCache } from '@scion/contracts';
import type { Redis } from 'ioredis';
import { alertsOf } from './alerts.js';
import { type Bucket, createMinuteReader, keptMinutes, minuteKey, minuteMs } from './buckets.js';
import { bucketOf } from './histogram.js';
import { createPresence, type ProcessState } from './presence.js';
import { rangeOf } from './range.js';
import { merged, seriesOf } from './series.js';
import { type CountedUsage, createUsageCounter } from './usage.js';

export interface MeterOptions {
  redis: Redis;
  clock: Clock;
  /** What this process is and does, asked at each flush. */
  describe(): ProcessState;
  /** Bytes of adapters in memory now, by tenant; of a process that serves. */
  cachedBytes?(): Iterable<[tenantId: string, bytes: number]>;
  /** Told when Redis could not be reached; what was counted is kept and sent later. */
  onError(error: unknown): void;
  /** How often counts go to Redis, in milliseconds; 0: only when `flush` is called. */
  flushMs: number;
}

/** What of an overview the queue knows, and nobody else. */
export interface Backlog {
  queue: Overview['now']['queue'];
  /** Stage and progress of a job that runs. */
  stageOf(
    tenantId: string,
    jobId: string,
  ): Promise<Pick<Overview['now']['workers'][number]['jobs'][number], 'stage' | 'progress'>>;
}

/**
 * Counts what this process does, for operators. Recording never waits and never fails; counts are summed in Redis by
 * the minute, over all processes, and kept for a day. A process that is killed loses what it counted since its last flush.
 */
export interface Meter {
  /** A request for predictions was answered. */
  predicted(tenantId: string, rows: number, ms: number): void;
  /** A worker trained for a tenant; retries count. */
  trained(tenantId: string, seconds: number): void;
  /** A request was told to come back because this process is busy. */
  refused(): void;
  /** A job ended; saying so again changes nothing. */
  jobEnded(job: Job): Promise<void>;
  /** An attempt to deliver a webhook ended. */
  delivered(ok: boolean): void;
  /** How many jobs wait, in all and by tenant. */
  waiting(total: number, byTenant: Iterable<[tenantId: string, waiting: number]>): void;
  /** True for one process in each `ms`, whose turn it is to look at what all share. */
  isMyTurn(what: string, ms: number): Promise<boolean>;
  /** What a tenant used on a day (`YYYY-MM-DD`), as far as Redis knows; undefined when it knows nothing. */
  usage(tenantId: string, day: string): Promise<CountedUsage | undefined>;
  /** The tenants that used anything on a day. */
  usersOf(day: string): Promise<string[]>;
  /** What each API process that lives keeps in memory, as of its last flush. */
  caches(): Promise<ProcessCache[]>;
  overview(query: { from?: string; to?: string }, backlog: Backlog): Promise<Overview>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Alerts are judged over this many minutes. */
const alertMinutes = 15;

export function createMeter({ redis, clock, describe, cachedBytes, onError, flushMs }: MeterOptions): Meter {
  const id = randomUUID();
  const presence = createPresence(redis);
  const reader = createMinuteReader({ redis, clock });
  const lifeMs = Math.max(3 * flushMs, 15_000);
  /** Counts since the last flush, by minute. */
  let pending = new Map<number, Bucket>();
  let lookups = { hits: 0, misses: 0 };
  const usage = createUsageCounter({ redis, clock });

  const now = (): number => Math.floor(clock() / minuteMs);
  function bucketAt(minute: number): Bucket {
    let bucket = pending.get(minute);
    if (!bucket) {
      bucket = new Map();
      pending.set(minute, bucket);
    }
    return bucket;
  }
  const add = (name: string, by = 1, minute = now()): void => {
    const bucket = bucketAt(minute);
    bucket.set(name, (bucket.get(name) ?? 0) + by);
  };
  const set = (name: string, value: number): void => {
    bucketAt(now()).set(`max:${name}`, value);
  };

  function lookAtSelf(): ProcessState {
    const state = describe();
    if (state.kind === 'api') {
      const { bytes, entries, hits, misses } = state.cache;
      set(`cache:bytes:${id}`, bytes);
      set(`cache:entries:${id}`, entries);
      add('cache:hits', hits - lookups.hits);
      add('cache:misses', misses - lookups.misses);
      lookups = { hits, misses };
    }
    return state;
  }

  async function flush(): Promise<void> {
    const state = lookAtSelf();
    usage.cached(cachedBytes?.() ?? []);
    await usage.flush();
    const sent = pending;
    pending = new Map();
    const oldest = now() - keptMinutes;
    const batch = redis.multi();
    for (const [minute, bucket] of sent) {
      if (minute < oldest) continue;
      const key = minuteKey(minute);
      for (const [name, value] of bucket) {
        if (name.startsWith('max:')) batch.hset(key, name, value);
        else if (value !== 0) batch.hincrby(key, name, value);
      }
      batch.expire(key, (keptMinutes + 5) * 60);
    }
    try {
      await batch.exec();
    } catch (error) {
      // Counted later; should Redis have taken it and only the answer been lost, some count twice.
      for (const [minute, bucket] of sent) {
        if (minute < oldest) continue;
        for (const [name, value] of bucket) {
          if (!name.startsWith('max:')) add(name, value, minute);
        }
      }
      throw error;
    }
    await presence.tell(id, state, lifeMs);
  }

  let flushing: Promise<void> = Promise.resolve();
  const flushInTurn = (): Promise<void> => {
    flushing = flushing.catch(() => {}).then(flush);
    return flushing;
  };
  const timer = flushMs > 0 ? setInterval(() => flushInTurn().catch(onError), flushMs) : undefined;
  timer?.unref();
  if (flushMs > 0) flushInTurn().catch(onError);

  async function present(backlog: Backlog): Promise<Overview['now']> {
    const states = [...(await presence.list())];
    const caches = states.flatMap(([, state]) => (state.kind === 'api' ? [state.cache] : []));
    const total = (name: 'bytes' | 'budgetBytes' | 'entries'): number =>
      caches.reduce((sum, cache) => sum + cache[name], 0);
    const workers = await Promise.all(
      states.flatMap(([workerId, state]) =>
        state.kind === 'worker' ? [describeWorker(workerId, state, backlog)] : [],
      ),
    );
    const cache = { bytes: total('bytes'), budgetBytes: total('budgetBytes'), entries: total('entries') };
    return { queue: backlog.queue, cache, apis: caches.length, workers };
  }

  return {
    predicted(tenantId, rows, ms) {
      usage.add(tenantId, 'predictRows', rows);
      add('rows', rows);
      add(`predict:${bucketOf(ms)}`);
    },
    trained: (tenantId, seconds) => usage.add(tenantId, 'trainingMs', Math.round(seconds * 1_000)),
    usage: usage.of,
    usersOf: usage.tenants,
    refused: () => add('refused'),
    async jobEnded({ id: jobId, tenantId, state, createdAt, startedAt, finishedAt, gate }) {
      if (finishedAt === null) return;
      const endedMs = Date.parse(finishedAt);
      const minute = Math.floor(endedMs / minuteMs);
      const key = `{scion}:meter:ended:${minute}`;
      try {
        const replies = await redis
          .multi()
          .sadd(key, jobId)
          .expire(key, keptMinutes * 60)
          .exec();
        if (replies?.[0]?.[1] !== 1) return;
      } catch (error) {
        onError(error);
        return;
      }
      const createdMs = Date.parse(createdAt);
      add(`ended:${state}`, 1, minute);
      if (gate) add(gate.promoted ? 'gate:promoted' : 'gate:kept', 1, minute);
      if (gate?.promoted) add(`live:${bucketOf(endedMs - createdMs)}`, 1, minute);
      if (startedAt === null) return;
      add(`waited:${tenantId}`, 1, minute);
      add(`waitMs:${tenantId}`, Math.max(0, Date.parse(startedAt) - createdMs), minute);
    },
    delivered: (ok) => add(ok ? 'hook:ok' : 'hook:failed'),
    waiting(total, byTenant) {
      set('depth', total);
      for (const [tenantId, waiting] of byTenant) set(`depth:${tenantId}`, waiting);
    },
    async isMyTurn(what, ms) {
      return (await redis.set(`{scion}:meter:turn:${what}`, id, 'PX', ms, 'NX')) === 'OK';
    },
    async caches() {
      return [...(await presence.list())].flatMap(([process, state]) =>
        state.kind === 'api' ? [{ process, ...state.cache }] : [],
      );
    },
    async overview(query, backlog) {
      const nowMs = clock();
      const { first, end, step } = rangeOf(query, nowMs);
      const current = now() + 1;
      const minutes = Array.from({ length: end - first }, (_, at) => first + at);
      const recent = Array.from({ length: alertMinutes }, (_, at) => current - alertMinutes + at);
      const [read, last, state] = await Promise.all([
        reader.read(minutes),
        reader.read(recent),
        present(backlog),
      ]);
      const starts = minutes.filter((_, at) => at % step === 0);
      const buckets = starts.map((_, at) => merged(read.slice(at * step, (at + 1) * step)));
      const passed = (minute: number): number => Math.max(1, (nowMs - minute * minuteMs) / 1_000);
      const time = (minute: number): string => new Date(minute * minuteMs).toISOString();
      return {
        from: time(first),
        to: time(end),
        stepSeconds: step * 60,
        at: starts.map(time),
        ...seriesOf(
          buckets,
          starts.map((minute) => Math.min(step * 60, passed(minute))),
        ),
        now: state,
        alerts: alertsOf({ now: state, recent: merged(last) }),
      };
    },
    flush: flushInTurn,
    async close() {
      clearInterval(timer);
      await flushInTurn()
        .then(() => presence.leave(id))
        .catch(onError);
    },
  };
}

async function describeWorker(
  id: string,
  { kind: _, jobs, ...state }: Extract<ProcessState, { kind: 'worker' }>,
  { stageOf }: Backlog,
): Promise<Overview['now']['workers'][number]> {
  const described = jobs.map(async (job) => ({ ...job, ...(await stageOf(job.tenantId, job.jobId)) }));
  return { id, ...state, jobs: await Promise.all(described) };
}
