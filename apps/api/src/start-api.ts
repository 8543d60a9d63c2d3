import { existsSync } from 'node:fs';
import { createIds } from '@scion/contracts';
import { createEngine, type Engine, rebindAdapter } from '@scion/engine';
import { createMeter } from '@scion/meter';
import { createQueue, trainingPayload } from '@scion/queue';
import { createRegistry } from '@scion/registry';
import { openStore } from '@scion/store';
import { checkWebhookUrl, createSend, createWebhooks } from '@scion/webhooks';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { createIdempotencyStore } from './http/idempotency-store.js';
import { createMetrics } from './http/metrics.js';
import { createSessions } from './http/session.js';
import { sampleBacklog } from './overview/read-backlog.js';
import { toProcessCache } from './overview/to-process-cache.js';
import { createUsageKeeper } from './quota/keep-usage.js';
import { createPredictQuota } from './quota/predict-quota.js';
import { createReadiness } from './readiness.js';

export interface RunningApi {
  /** Where it listens, e.g. `http://127.0.0.1:7070`. */
  url: string;
  /** The operator key made by this very start, shown nowhere else; null when there was one. */
  newOperatorKey: string | null;
  /** Lets running requests end for some seconds, ends event streams, then closes everything in the reverse order of opening. */
  close(): Promise<void>;
}

const heartbeatMs = 15_000;
/** Within the 10 s that `docker stop` gives a process, so that the rest is closed too. */
const closeGraceMs = 8_000;
/** How often counts go to Redis, and waiting jobs are counted. */
const meterMs = 5_000;
/** How often what was used goes to the bucket: as much is lost with Redis at most. */
const usageMs = 60_000;
/** How often it is told that indexing goes on. */
const indexingMs = 1_000;
/** How often what each tenant stores is summed anew. */
const measureMs = 6 * 3_600_000;

/** Wires the API, top to bottom, and starts it. What was opened is closed in reverse, also when a later step fails. */
export async function startApi({
  config,
  log,
  version,
  onIndexing = () => {},
}: {
  config: Config;
  log: Logger;
  version: string;
  /** Called every second while it listens and, not ready yet, indexes what is stored. */
  onIndexing?: () => void;
}): Promise<RunningApi> {
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
            ...{ service: 'scion-api', version, endpoint: config.otlpEndpoint },
            onError: (err) => log.warn({ err }, 'spans not sent'),
          });
    closers.push(async () => tracing?.close());

    const store = await openStore(config.store);
    closers.push(() => store.close());

    const redis = new Redis(config.redisUrl, { maxRetriesPerRequest: 3 });
    redis.on('error', (err) => log.warn({ err }, 'Redis connection'));
    closers.push(async () => redis.disconnect());

    const queue = createQueue({
      connection: config.redisUrl,
      clock,
      // Called after the registry has been asked for, which a restoring one waits for.
      telemetry: tracing?.queue,
      shareOf: async (tenantId) => (await opening).tenants.get(tenantId),
      onError: (err) => log.warn({ err }, 'queue'),
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
        // What this process tells of its memory names users: not that one any longer.
        if (serving) meter.flush().catch((err) => log.warn({ err }, 'meter'));
      },
      onError: (err) => log.warn({ err }, 'registry'),
    });
    const registry = await opening;
    closers.push(() => registry.close());
    let indexed = false;

    const metrics = createMetrics({
      cacheState: () => engine.cacheState(),
      trunkCacheState: () => engine.trunkCacheState(),
      queueCounts: () => queue.counts(),
      processMetrics: true,
    });
    const engine: Engine = await createEngine({
      baseDir: config.baseDir,
      threads: config.threads,
      cacheBytes: config.cacheBytes,
      trunkCacheBytes: config.trunkCacheBytes,
      maxQueuedRows: config.maxQueuedRows,
      maxWaitMs: config.maxWaitMs,
      loadAdapter: (key) => registry.models.adapter(key, key.version),
      diskTier: config.diskTier,
      provider: config.provider,
      onAdapterLoaded: metrics.adapterLoaded,
      logger: log,
    });
    closers.push(() => engine.close());
    serving = engine;

    const meter = createMeter({
      ...{ redis, clock, flushMs: meterMs },
      describe: () => ({ kind: 'api', cache: toProcessCache(engine.cacheState()) }),
      cachedBytes: () => engine.cachedBytes(),
      onError: (err) => log.warn({ err }, 'meter'),
    });
    closers.push(() => meter.close());
    const sampling = setInterval(() => {
      sampleBacklog({ queue, meter, everyMs: meterMs }).catch((err) => log.warn({ err }, 'meter'));
    }, meterMs);
    closers.push(async () => clearInterval(sampling));

    const urlRules = { allowPrivateAddresses: config.allowPrivateWebhooks };
    const webhooks = createWebhooks({
      records: registry.webhooks,
      events: registry.events,
      loadJob: registry.jobs.get,
      enqueue: queue.enqueueDelivery,
      // Deliveries are the worker's; this process only orders them.
      send: createSend({ ...urlRules, timeoutMs: 10_000 }),
      ...{ clock, newId },
    });

    const app = await buildApp({
      ...{ registry, queue, clock, newId },
      engine: {
        ...engine,
        rebind: (adapter, { owner, version, sha256 }, to) =>
          rebindAdapter(adapter, { base: engine.base, owner, version, sha256 }, to),
      },
      webhooks: {
        ...webhooks,
        async emit(job, also) {
          await meter.jobEnded(job);
          return webhooks.emit(job, also);
        },
      },
      checkWebhookUrl: (url) => checkWebhookUrl(url, urlRules),
      quota: createPredictQuota({
        ...{ redis, clock },
        rowsPerMinute: config.predictRowsPerMinute,
        onUnavailable: (err) => log.warn({ err }, 'predict quota not counted'),
      }),
      sessions: createSessions({ redis, clock }),
      metrics,
      meter,
      idempotency: createIdempotencyStore(redis),
      tracing,
      isIndexed: () => indexed,
      readiness: createReadiness({ redis, store, engine, isIndexed: () => indexed }),
      logger: log,
      settings: {
        version,
        heartbeatMs,
        closeGraceMs,
        overviewMs: meterMs,
        examplesPerModel: config.examplesPerModel,
        corsOrigins: config.corsOrigins,
        maxEventLoopDelayMs: config.maxEventLoopDelayMs,
        dashboardDir: existsSync(config.dashboardDir) ? config.dashboardDir : undefined,
      },
    });
    closers.push(() => app.close());
    const url = await app.listen({
      host: config.host,
      port: config.port,
      // Fastify's own line is a sentence with the address in it; ours is a constant with fields.
      listenTextResolver: () => 'listening',
    });

    // It listens before: with very many models this takes minutes, in which whoever hears nothing of a process ends it, and the
    // next would begin anew.
    const telling = setInterval(onIndexing, indexingMs);
    await registry.ensureIndexed().finally(() => clearInterval(telling));
    const { secret } = await registry.keys.ensureOperatorKey(config.operatorKey);
    const newOperatorKey = config.operatorKey === undefined ? secret : null;
    indexed = true;
    const keeper = createUsageKeeper({ registry, meter, clock });
    const keeping = setInterval(() => {
      (async () => {
        if (await meter.isMyTurn('usage', usageMs)) await keeper.keep();
        if (await meter.isMyTurn('measure', measureMs)) await keeper.measureAll();
      })().catch((err) => log.warn({ err }, 'usage not kept'));
    }, usageMs);
    closers.push(async () => clearInterval(keeping));
    log.info(
      {
        url,
        base: engine.base.name,
        provider: engine.provider,
        threads: engine.threads,
        store: config.store.kind,
      },
      'api started',
    );
    return { url, newOperatorKey, close };
  } catch (error) {
    await close();
    throw error;
  }
}
