import { setInterval } from 'node:timers';
import { createIds, timestamp } from '@scion/contracts';
import { createEngine, type Engine } from '@scion/engine';
import { createMeter } from '@scion/meter';
import { createQueue, type QueueOptions, trainingPayload } from '@scion/queue';
import { createRegistry, generationKey } from '@scion/registry';
import { type ObjectStore, openStore } from '@scion/store';
import { createSend, createWebhooks } from '@scion/webhooks';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createActivity } from './activity.js';
import type { Config } from './config.js';
import { createDeliverWebhook } from './deliver-webhook.js';
import { loggedError } from './failure.js';
import { createFinishJob, type FinishJob } from './finish-job.js';
import { announceAgain, enqueueUnfinished, scheduleTasks } from './recover.js';
import { createRefresh } from './refresh.js';
import { createTrainModel } from './train-model.js';
import { noteWhole, wholeKey } from './whole.js';

export interface WorkerOptions {
  config: Config;
  log: Logger;
  /** For tests that injure a running worker: stands between it and its objects. */
  wrapStore?: (store: ObjectStore) => ObjectStore;
  /** For tests that wait until a dead worker's jobs and locks are free. */
  timings?: { queue: QueueOptions['timings']; registryLockMs: number; checkpointSeconds?: number };
}

export interface RunningWorker {
  /** Takes no more jobs, gives the running ones the grace period, then hands them back, and closes everything. */
  close(): Promise<void>;
}

/** Room for the live versions that are compared with candidates; each is some kB and asked once. */
const adapterCacheBytes = 64 * 1024 * 1024;
/** Looks at models at once: each is some reads. */
const refreshConcurrency = 4;
/** Holds the generation of the indexes at the last recovery: a Redis that lost anything has another, or none. */
const recoveredKey = '{scion}:worker:recovered';
const lossCheckMs = 10_000;
/** How often counts and presence go to Redis. */
const meterMs = 5_000;

/** Wires a worker, top to bottom, and starts it. What was opened is closed in reverse, also when a later step fails. */
export async function startWorker({
  config,
  log,
  wrapStore,
  timings,
}: WorkerOptions): Promise<RunningWorker> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (let step = closers.pop(); step; step = closers.pop()) await step();
  };
  const clock = Date.now;
  const newId = createIds(clock);
  try {
    // Loaded where it is wanted: its vendor costs a start some 100 ms.
    const tracing =
      config.otlpEndpoint === undefined
        ? undefined
        : (await import('@scion/tracing')).startTracing({
            ...{ service: 'scion-worker', endpoint: config.otlpEndpoint },
            onError: (err) => log.warn({ err }, 'spans not sent'),
          });
    closers.push(async () => tracing?.close());

    const opened = await openStore(config.objects);
    closers.push(() => opened.close());
    const store = wrapStore?.(opened) ?? opened;

    const redis = new Redis(config.redisUrl);
    redis.on('error', (err) => log.warn({ err }, 'Redis connection'));
    closers.push(async () => redis.disconnect());

    const queue = createQueue({
      connection: config.redisUrl,
      clock,
      telemetry: tracing?.queue,
      shareOf: async (tenantId) => (await opening).tenants.get(tenantId),
      onError: (err) => log.warn({ err }, 'queue'),
      timings: { lockMs: config.lockMs, stalledIntervalMs: config.lockMs / 2, ...timings?.queue },
    });
    closers.push(() => queue.close());

    let serving: Engine | undefined;
    const opening = createRegistry({
      ...{ store, redis, clock, newId },
      async onRebuilt(unfinished) {
        for (const job of unfinished) await queue.enqueueTraining(trainingPayload(job));
        log.warn({ unfinished: unfinished.length }, 'indexes restored from the bucket');
      },
      onErased(ref) {
        if (ref) serving?.evict(ref);
        else serving?.evictAll();
      },
      onError: (err) => log.warn({ err }, 'registry'),
      ...(timings && { lockLifeMs: timings.registryLockMs }),
    });
    const registry = await opening;
    closers.push(() => registry.close());

    const engine = await createEngine({
      baseDir: config.basePath,
      threads: config.threads,
      cacheBytes: adapterCacheBytes,
      loadAdapter: (key) => registry.models.adapter(key, key.version),
      logger: log,
    });
    closers.push(() => engine.close());
    serving = engine;

    const activity = createActivity(clock, (tenantId, seconds) => meter.trained(tenantId, seconds));
    const startedAt = timestamp(clock);
    const meter = createMeter({
      ...{ redis, clock, flushMs: meterMs },
      describe: () => ({
        ...{ kind: 'worker', startedAt, provider: engine.provider, threads: engine.threads },
        ...{ slots: config.trainConcurrency, jobs: activity.running() },
      }),
      onError: (err) => log.warn({ err }, 'meter'),
    });
    closers.push(() => meter.close());

    const webhooks = createWebhooks({
      records: {
        ...registry.webhooks,
        async appendDelivery(tenantId, webhookId, delivery) {
          meter.delivered(delivery.ok);
          await registry.webhooks.appendDelivery(tenantId, webhookId, delivery);
        },
      },
      events: registry.events,
      loadJob: registry.jobs.get,
      enqueue: queue.enqueueDelivery,
      send: createSend(config.webhooks),
      ...{ clock, newId },
    });
    const endJob = createFinishJob({ jobs: registry.jobs, events: queue.events, webhooks, clock });
    const finishJob: FinishJob = async (ref, outcome) => {
      const job = await endJob(ref, outcome);
      await meter.jobEnded(job);
      return job;
    };
    const trainModel = createTrainModel({
      ...{ registry, engine, finishJob, clock, log },
      ...{ mark: tracing?.mark, logs: queue.logs },
      checkpointSeconds: timings?.checkpointSeconds,
    });

    /** The indexes' generation, the one that was last recovered from, and when Redis was last known to lack nothing. */
    const marks = async () => {
      await registry.ensureIndexed();
      return redis.mget(generationKey, recoveredKey, wholeKey);
    };
    const recover = async (): Promise<void> => {
      // Whoever restored the indexes has put the jobs into the queue, and nothing else.
      const [generation = null, recovered, wholeAt] = await marks();
      if (generation === null) throw new Error('Redis was lost again');
      const deps = { registry, queue, webhooks, clock };
      const unfinished = await enqueueUnfinished(deps);
      const lost = generation !== recovered;
      const announced = lost ? await announceAgain(deps, Number(wholeAt ?? 0)) : 0;
      await queue.scheduleNight();
      if (lost) await scheduleTasks({ registry, queue });
      await redis.set(recoveredKey, generation);
      log.info({ unfinished, announced, lost }, 'recovered');
    };
    /** Recovers should Redis have lost anything, and otherwise notes that it has not. */
    const look = async (): Promise<void> => {
      const startedAt = clock();
      const [generation, recovered, wholeAt = null] = await marks();
      if (generation === null || generation !== recovered) await recover();
      else await noteWhole(redis, wholeAt, startedAt);
    };
    await recover();
    await look();
    let recovering: Promise<void> | undefined;
    const timer = setInterval(() => {
      recovering ??= look()
        .catch((err) => log.warn({ err }, 'recovery failed; it will be repeated'))
        .finally(() => {
          recovering = undefined;
        });
    }, lossCheckMs);
    closers.push(async () => {
      clearInterval(timer);
      await recovering;
    });

    const consumers = await Promise.all([
      queue.processTraining(activity.watch(trainModel.run), {
        concurrency: config.trainConcurrency,
        onDead: trainModel.onDead,
      }),
      queue.processRefreshes(createRefresh({ registry, queue, clock, log }), {
        concurrency: refreshConcurrency,
        onDead: async ({ tenantId }, err) =>
          log.warn({ tenantId, ...loggedError(err) }, 'retraining not decided'),
      }),
      queue.processDeliveries(createDeliverWebhook({ webhooks, log }), {
        concurrency: config.deliveryConcurrency,
        onDead: async ({ tenantId, webhookId, eventId }, err) =>
          log.warn({ tenantId, webhookId, eventId, ...loggedError(err) }, 'webhook delivery given up'),
      }),
    ]);
    closers.push(() => Promise.all(consumers.map((consumer) => consumer.close({ graceMs: config.graceMs }))));
    log.info(
      { base: engine.base.name, provider: engine.provider, threads: engine.threads },
      'worker started',
    );
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}
