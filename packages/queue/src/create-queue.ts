import type { Clock } from '@scion/contracts';
import { Queue as BullQueue, type Telemetry } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { createChangeCounts } from './change-counts.js';
import { closable } from './closable.js';
import {
  type ConsumerDeps,
  PutBack,
  type QueueTimings,
  type RunningConsumer,
  startConsumer,
} from './consumer.js';
import { createDeliveryTurns } from './delivery-turns.js';
import { createAdmission } from './fair/admission.js';
import { createFairQueue, type TenantShare } from './fair/fair-queue.js';
import { forgetLooks } from './forget-looks.js';
import { createHub } from './hub.js';
import { createJobEvents } from './job-events.js';
import { createJobLogs } from './job-logs.js';
import { type JobName, type JobTable, jobTable, type PayloadOf, type TrainingPayload } from './job-table.js';
import { createModelLocks } from './model-locks.js';
import {
  type HandlerContext,
  JobAborted,
  type JobEventWriter,
  type KindCounts,
  type ProcessOptions,
  type Queue,
  type TrainingContext,
} from './queue.js';
import { createSchedules } from './schedules.js';
import { createStopRequests } from './stop-requests.js';
import { createTraceKeeper } from './trace-keeper.js';

export interface QueueOptions {
  /** A URL (`redis://…`, `rediss://…`, `unix://…`), or ioredis options. Connections are made as needed. */
  connection: string | RedisOptions;
  /** Start of every key; braces keep all of them in one slot of a cluster. Default `{scion}`. */
  prefix?: string;
  clock: Clock;
  /** What a tenant is given of the workers, asked whenever a job of it is enqueued. Default: the same for all, no cap. */
  shareOf?(tenantId: string): Promise<TenantShare>;
  /** Makes spans of jobs. Left out: nothing is traced. */
  telemetry?: Telemetry | undefined;
  /** Told of failures in the background: lost connections, a job whose end could not be recorded. */
  onError?(error: Error): void;
  /** Defaults: lockMs 30,000, stalledIntervalMs 15,000, busyRetryMs 5,000, awayMs 5,000. */
  timings?: Partial<QueueTimings>;
}

/** Workers say this often that they live, unless their lock's life asks for more. */
const heartbeatMs = 2_000;

export function createQueue(options: QueueOptions): Queue {
  const { clock, prefix = '{scion}', onError = () => {} } = options;
  const timings: QueueTimings = {
    ...{ lockMs: 30_000, stalledIntervalMs: 15_000, busyRetryMs: 5_000, awayMs: 5_000 },
    ...options.timings,
  };
  const bullPrefix = `${prefix}:bull`;
  const { telemetry } = options;
  const traces = createTraceKeeper(telemetry);

  const connections: Redis[] = [];
  function connect(extra: RedisOptions): Redis {
    const { connection } = options;
    const made = closable(
      typeof connection === 'string' ? new Redis(connection, extra) : new Redis({ ...connection, ...extra }),
    );
    made.on('error', onError);
    connections.push(made);
    return made;
  }

  // A request fails when Redis stays away; consumers, each with its own connection, and subscribers wait for it.
  const redis = connect({});
  const hub = createHub(connect, onError);
  const events = createJobEvents({ redis, hub, clock, prefix });
  const logs = createJobLogs({ redis, prefix });
  const changes = createChangeCounts({ redis, prefix });

  const open = <N extends JobName>(row: JobTable[N]) => {
    const queue = new BullQueue<PayloadOf<N>, void, string>(row.queue, {
      connection: redis,
      prefix: bullPrefix,
      ...(telemetry && { telemetry }),
    });
    queue.on('error', onError);
    return queue;
  };
  const queues = {
    train: open<'train'>(jobTable.train),
    deliver: open<'deliver'>(jobTable.deliver),
    refresh: open<'refresh'>(jobTable.refresh),
  };
  const consumers = new Set<RunningConsumer>();
  const services = new Set<{ stop(): Promise<void> }>();

  function add<N extends JobName>(queue: BullQueue, row: JobTable[N], payload: PayloadOf<N>, delay = 0) {
    return queue.add(row.queue, payload, {
      delay,
      jobId: (row.id as (payload: PayloadOf<N>) => string)(payload),
      attempts: row.attempts,
      backoff: { type: 'capped' },
      removeOnComplete: true,
      removeOnFail: { age: row.keepDeadSeconds },
    });
  }

  const fair = createFairQueue({
    ...{ redis, prefix, lifeMs: timings.lockMs },
    bullKeys: `${bullPrefix}:${jobTable.train.queue}:`,
  });
  const admission = createAdmission({
    fair,
    async hand({ payload, dead }) {
      // BullMQ ignores an id it knows, also that of a job it has given up.
      if (dead) await (await queues.train.getJob(payload.jobId))?.remove();
      await traces.within(payload.trace, () => add<'train'>(queues.train, jobTable.train, payload));
    },
    heartbeatMs: Math.min(heartbeatMs, timings.lockMs / 3),
    onError,
  });
  redis.on('ready', () => void admission.refresh().catch(onError));

  const stops = createStopRequests({
    ...{ redis, hub, prefix, fair, bull: queues.train },
    freed: admission.pump,
  });

  async function start<N extends JobName>(
    row: JobTable[N],
    processOptions: ProcessOptions<PayloadOf<N>>,
    run: (
      payload: PayloadOf<N>,
      context: HandlerContext,
      abort: (reason: JobAborted) => void,
    ) => Promise<void>,
    left?: ConsumerDeps<N>['left'],
  ): Promise<RunningConsumer> {
    const connection = connect({ maxRetriesPerRequest: null });
    const inner = await startConsumer<N>(
      { row, run, timings, onError, connection, prefix: bullPrefix, telemetry, ...(left && { left }) },
      processOptions,
    );
    const consumer: RunningConsumer = {
      ...inner,
      async close(closeOptions) {
        await inner.close(closeOptions);
        consumers.delete(consumer);
      },
    };
    consumers.add(consumer);
    return consumer;
  }

  async function runTraining(
    handler: (payload: TrainingPayload, context: TrainingContext) => Promise<void>,
    payload: TrainingPayload,
    context: HandlerContext,
    abort: (reason: JobAborted) => void,
  ): Promise<void> {
    const { jobId } = payload;
    // A leftover of a job that has ended: its worker died, or froze, between the end and BullMQ's learning of it.
    if (!(await fair.begin(jobId))) return;
    const lock = await modelLocks.take(payload, jobId, () => abort(new JobAborted('lock_lost')));
    if (!lock) {
      throw new PutBack(timings.busyRetryMs, async () => {
        // Whoever held the model may have left, and found this job not yet waiting; another may hold it since.
        if (!(await modelLocks.waits(payload, jobId))) await wake(jobId);
      });
    }
    try {
      // After the job can be found by a cancel message: either that message or this flag is seen.
      const asked = await stops.asked(jobId);
      if (asked) abort(new JobAborted(asked));
      let writer: Promise<JobEventWriter> | undefined;
      await handler(payload, {
        ...context,
        events: {
          // Opened with its first event: a run that finds its job already ended must not wipe the stream.
          async append(event) {
            writer ??= events.open(jobId);
            return (await writer).append(event);
          },
        },
      });
    } finally {
      const waiting = await lock.release().catch((error: Error) => {
        onError(error);
        return [];
      });
      await Promise.all(waiting.map(wake));
    }
  }

  async function enqueueFairly(payload: TrainingPayload, how: { again?: boolean }): Promise<void> {
    // Without an answer it keeps the share it has: a job must not be lost over its turn.
    const share = await options.shareOf?.(payload.tenantId).catch((error: Error) => {
      onError(error);
      return undefined;
    });
    if (await fair.enqueue({ ...payload, ...traces.current() }, share, how)) await admission.pump();
  }

  async function leaveTraining({ jobId }: TrainingPayload, how: 'over' | 'waits', seconds: number) {
    await (how === 'over' ? fair.end(jobId, seconds) : fair.park(jobId, seconds));
    await admission.pump();
  }

  /** After a lost connection: requests whose message went by are found by their flags. */
  async function recheckStops(consumer: RunningConsumer | undefined): Promise<void> {
    for (const jobId of consumer?.running() ?? []) {
      const asked = await stops.asked(jobId);
      if (asked) consumer?.abort(jobId, new JobAborted(asked));
    }
  }

  /** Lets a delayed job run now; one that is not delayed runs anyway. */
  async function wake(jobId: string): Promise<void> {
    const job = await queues.train.getJob(jobId);
    await job?.promote().catch(() => undefined);
  }

  const modelLocks = createModelLocks({ redis, prefix, lifeMs: timings.lockMs, onError });

  async function count(queue: BullQueue): Promise<KindCounts> {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
    const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts;
    return { waiting, active, delayed, failed };
  }

  let closing: Promise<void> | undefined;

  return {
    enqueueTraining: (payload) => enqueueFairly(payload, {}),
    async resumeTraining(payload) {
      await stops.clearPause(payload.jobId);
      await enqueueFairly(payload, { again: true });
    },
    async enqueueDelivery(order, { now = false } = {}) {
      const payload = { ...order, ...(now && { asked: 1 }) };
      const job = await add<'deliver'>(queues.deliver, jobTable.deliver, payload);
      // One that waits goes now, whether for its retry or for its turn: whoever orders it again has a reason.
      const hurry = async () => {
        const known = await queues.deliver.getJob(job.id ?? '');
        await known?.updateData({ ...payload, asked: known.attemptsMade + 1 });
        await known?.promote();
      };
      if (now) await hurry().catch(() => undefined);
      // BullMQ ignores an id it knows, also that of a job it has given up.
      if ((await job.getState()) !== 'failed') return;
      await job.remove();
      await add<'deliver'>(queues.deliver, jobTable.deliver, payload);
    },
    async processTraining(handler, processOptions) {
      let consumer: RunningConsumer | undefined;
      // Before the first job is taken: its flag is read after it can be told, so no request falls in between.
      const stop = await stops.listen((jobId, reason) => {
        if (jobId === undefined) recheckStops(consumer).catch(onError);
        else consumer?.abort(jobId, new JobAborted(reason));
      });
      consumer = await start<'train'>(
        jobTable.train,
        processOptions,
        (payload, context, abort) => runTraining(handler, payload, context, abort),
        leaveTraining,
      );
      const service = await admission.serve(processOptions.concurrency);
      services.add(service);
      return {
        async close(closeOptions) {
          // First, so that nobody admits for slots that are going away.
          await service.stop();
          services.delete(service);
          await consumer.close(closeOptions);
          stop();
        },
      };
    },
    processDeliveries(handler, processOptions) {
      const turn = createDeliveryTurns(processOptions.concurrency, clock);
      return start<'deliver'>(jobTable.deliver, processOptions, (payload, context) =>
        turn(payload, context.attempt, () => handler(payload, context)),
      );
    },
    async enqueueRefresh(payload, delayMs = 0) {
      await add<'refresh'>(queues.refresh, jobTable.refresh, payload, delayMs);
    },
    async forgetLooks(ref) {
      await forgetLooks(queues.refresh, redis, ref);
      await changes.erase(ref);
    },
    ...createSchedules(queues.refresh),
    processRefreshes: (handler, processOptions) =>
      start<'refresh'>(jobTable.refresh, processOptions, handler),
    requestCancel: (jobId) => stops.request(jobId, 'cancelled'),
    requestPause: (jobId) => stops.request(jobId, 'paused'),
    async forget(jobId) {
      const found = await fair.withdraw(jobId);
      const job = await queues.train.getJob(jobId);
      // On its way from the fair queue to BullMQ.
      if (!job && found === 'admitted') return false;
      try {
        await job?.remove();
      } catch {
        return false;
      }
      await fair.end(jobId, 0);
      await admission.pump();
      await Promise.all([events.erase(jobId), logs.erase(jobId)]);
      return true;
    },
    async counts() {
      const [admitted, waiting, deliveries, workers] = await Promise.all([
        count(queues.train),
        fair.waiting(),
        count(queues.deliver),
        queues.train.getWorkersCount(),
      ]);
      return {
        training: { ...admitted, waiting: admitted.waiting + waiting },
        deliveries,
        workers,
      };
    },
    backlog: fair.backlog,
    events,
    logs,
    changes,
    close(closeOptions) {
      closing ??= (async () => {
        await Promise.all([...services].map((service) => service.stop()));
        await Promise.all([...consumers].map((consumer) => consumer.close(closeOptions)));
        await Promise.all(Object.values(queues).map((queue) => queue.close()));
        for (const connection of connections) connection.disconnect();
      })();
      return closing;
    },
  };
}
