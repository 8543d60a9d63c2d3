import { DelayedError, type Job, type Telemetry, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobName, JobTable, PayloadOf } from './job-table.js';
import { type Consumer, type HandlerContext, JobAborted, type ProcessOptions } from './queue.js';
import { forQueue } from './unrecoverable.js';

export interface QueueTimings {
  /** A worker that stopped renewing for this long is taken for dead. */
  lockMs: number;
  /** How often workers look for jobs of dead ones. */
  stalledIntervalMs: number;
  /** A job whose model is busy looks again after this long, should it not be woken before. */
  busyRetryMs: number;
  /** A consumer that closes waits for a Redis that is away this long to twice as long; then its jobs are left to the next worker. */
  awayMs: number;
  /** In the place of each kind's own limit in the job table. */
  timeoutMs?: number;
}

/** Thrown to put a job back without losing an attempt, after `afterMs`. */
export class PutBack extends Error {
  constructor(
    readonly afterMs: number,
    /** Runs when the job waits again, so nothing that happened meanwhile is missed. */
    readonly then: () => Promise<void> = async () => {},
  ) {
    super('job put back');
  }
}

export interface ConsumerDeps<N extends JobName> {
  row: JobTable[N];
  /** The consumer's own: closed with it. */
  connection: Redis;
  prefix: string;
  telemetry: Telemetry | undefined;
  timings: QueueTimings;
  onError(error: Error): void;
  /** Runs one job; `abort` makes its signal fire. Throws PutBack to wait. */
  run(payload: PayloadOf<N>, context: HandlerContext, abort: (reason: JobAborted) => void): Promise<void>;
  /**
   * Called before BullMQ learns of it: a run is `over` (success, or dead), or the job `waits` to be run again.
   * `seconds` is how long it ran. A failure in here must not change the job's fate.
   */
  left?(payload: PayloadOf<N>, how: 'over' | 'waits', seconds: number): Promise<void>;
}

export interface RunningConsumer extends Consumer {
  /** Fires the signal of a job that runs here. */
  abort(jobId: string, reason: JobAborted): void;
  /** Ids of the jobs that run here now. */
  running(): string[];
}

export async function startConsumer<N extends JobName>(
  deps: ConsumerDeps<N>,
  options: ProcessOptions<PayloadOf<N>>,
): Promise<RunningConsumer> {
  const { row, timings, onError } = deps;
  const running = new Map<string, AbortController>();
  const background = new Set<Promise<void>>();
  // Jobs that reached `process`; a failure of any other is BullMQ's own verdict.
  const seen = new WeakSet<object>();

  async function die(payload: PayloadOf<N>, error: Error): Promise<void> {
    // Should this fail, the job is dead here and open in its record: enqueueing it again revives it.
    await options.onDead?.(payload, error).catch(onError);
  }

  async function leave(payload: PayloadOf<N>, how: 'over' | 'waits', startedAt: number): Promise<void> {
    await deps.left?.(payload, how, (performance.now() - startedAt) / 1_000).catch(onError);
  }

  async function process(job: Job<PayloadOf<N>>, token?: string): Promise<void> {
    seen.add(job);
    const jobId = job.id ?? '';
    const controller = new AbortController();
    const abort = (reason: JobAborted): void => controller.abort(reason);
    running.set(jobId, controller);
    const timer = setTimeout(() => abort(new JobAborted('timeout')), timings.timeoutMs ?? row.timeoutMs);
    timer.unref();
    // BullMQ renews by itself, but forgets a job that was put back and taken again at once; see `untrackJob` there.
    const renewal = setInterval(() => {
      job.extendLock(token ?? '', timings.lockMs).catch(onError);
    }, timings.lockMs / 3);
    renewal.unref();
    const attempt = job.attemptsMade + 1;
    const finalAttempt = attempt >= row.attempts;
    const startedAt = performance.now();
    try {
      const { stalledCounter: stalls } = job;
      await deps.run(job.data, { signal: controller.signal, attempt, stalls, finalAttempt }, abort);
      await leave(job.data, 'over', startedAt);
    } catch (thrown) {
      const back = thrown instanceof PutBack ? thrown : putBackFor(controller.signal);
      if (back) {
        await leave(job.data, 'waits', startedAt);
        await job.moveToDelayed(Date.now() + back.afterMs, token);
        await back.then();
        throw new DelayedError();
      }
      const error = forQueue(thrown);
      const dead = finalAttempt || error instanceof UnrecoverableError;
      if (dead) await die(job.data, thrown instanceof Error ? thrown : error);
      await leave(job.data, dead ? 'over' : 'waits', startedAt);
      throw error;
    } finally {
      clearTimeout(timer);
      clearInterval(renewal);
      if (running.get(jobId) === controller) running.delete(jobId);
    }
  }

  const worker = new Worker<PayloadOf<N>, void>(row.queue, process, {
    connection: deps.connection,
    prefix: deps.prefix,
    ...(deps.telemetry && { telemetry: deps.telemetry }),
    concurrency: options.concurrency,
    lockDuration: timings.lockMs,
    stalledInterval: timings.stalledIntervalMs,
    maxStalledCount: row.maxStalls,
    settings: {
      // Half to all of the doubled delay, so that jobs which failed together do not come back together.
      backoffStrategy: (attemptsMade) =>
        Math.min(row.backoff.maxMs, row.backoff.firstMs * 2 ** (attemptsMade - 1)) *
        (0.5 + Math.random() / 2),
    },
  });
  worker.on('error', onError);
  worker.on('failed', (job, error) => {
    if (!job || seen.has(job)) return;
    const dying = die(job.data, error)
      .then(() => leave(job.data, 'over', performance.now()))
      .finally(() => background.delete(dying));
    background.add(dying);
  });
  await worker.waitUntilReady();

  return {
    abort: (jobId, reason) => running.get(jobId)?.abort(reason),
    running: () => [...running.keys()],
    async close({ graceMs } = {}) {
      const timer =
        graceMs === undefined
          ? undefined
          : setTimeout(() => {
              for (const controller of running.values()) controller.abort(new JobAborted('shutdown'));
            }, graceMs);
      // What a job still has to tell Redis would wait for it for ever.
      let away = false;
      const watch = setInterval(() => {
        const [before, now] = [away, deps.connection.status !== 'ready'];
        away = now;
        if (!before || !now) return;
        clearInterval(watch);
        deps.connection.disconnect();
      }, timings.awayMs);
      await worker.close();
      deps.connection.disconnect();
      clearInterval(watch);
      clearTimeout(timer);
      await Promise.all(background);
    },
  };
}

/** A run that was stopped for a reason which is not its own does not count as an attempt. */
function putBackFor(signal: AbortSignal): PutBack | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  const innocent =
    reason instanceof JobAborted && ['shutdown', 'lock_lost', 'paused'].includes(reason.reason);
  return innocent ? new PutBack(0) : undefined;
}
