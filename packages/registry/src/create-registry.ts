import { AppError, type Clock, type Job, type ModelRef, type NewId } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import { createKeys } from './api-keys.js';
import { createAudits } from './audit.js';
import { createErasureFence } from './erasure-fence.js';
import { createEvents } from './events.js';
import { createExamples } from './examples.js';
import { createFreshCache } from './fresh-cache.js';
import { createIndexes, generationKey, refOfName } from './indexes.js';
import { type CacheName, createInvalidations } from './invalidations.js';
import { createJobs } from './jobs.js';
import { createLocks, type HeldLock } from './locks.js';
import { createModels } from './models.js';
import type { RegistryParts } from './parts.js';
import { dropCaches, dropIndexes, indexBucket } from './rebuild.js';
import type { RebuildReport, Registry } from './registry.js';
import { createTasks } from './tasks.js';
import { createTenants } from './tenants.js';
import { createUsages } from './usage.js';
import { createUsers } from './users.js';
import { createWebhooks } from './webhooks.js';

export interface RegistryOptions {
  store: ObjectStore;
  /** For commands; a second connection with the same options is opened for pub/sub. The caller closes its own. */
  redis: Redis;
  clock: Clock;
  newId: NewId;
  /**
   * Called by the process that restored lost indexes, before anyone reads them: enqueue these jobs again. Must be safe
   * to repeat, and must not read the registry.
   */
  onRebuilt?(unfinished: Job[]): Promise<void>;
  /**
   * Called in every process when a model was erased: drop what is held of it, e.g. its adapters. Undefined after a lost
   * connection: any number may have been missed.
   */
  onErased?(ref: ModelRef | undefined): void;
  /** Told of failures in the background, e.g. a lost pub/sub connection. */
  onError?(error: Error): void;
  /** A crashed writer holds up the next one for this long. Default 15,000 ms. */
  lockLifeMs?: number;
}

/** Entries of a cache whose values are small, and bytes of all values of one that weighs them. */
const cacheEntries = 10_000;
const cacheBytes = 64 * 1024 * 1024;
/** A request waits this long for a busy model before it is told to come back. */
const lockWaitMs = 20_000;
/** A rebuild of a large bucket takes minutes; other processes wait for it. */
const rebuildWaitMs = 60 * 60_000;

const completeScript = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2])
return 1`;

export async function createRegistry(options: RegistryOptions): Promise<Registry> {
  const { store, redis, clock, newId, onRebuilt = async () => {}, onError = () => {} } = options;
  const locks = createLocks({ redis, lifeMs: options.lockLifeMs ?? 15_000, waitMs: lockWaitMs });
  const indexes = createIndexes({ redis, ensure: () => ensureIndexed() });
  const invalidations = await createInvalidations({
    redis,
    onError,
    onConnected: () => void ensureIndexed().catch(onError),
  });
  const parts: RegistryParts = {
    ...{ store, redis, clock, newId, indexes, locks },
    fence: createErasureFence({ store, redis }),
    cache<V>(name: Exclude<CacheName, 'erased'>, ttlMs: number, bytesOf?: (value: V) => number) {
      const bounds = bytesOf ? { maxBytes: cacheBytes, bytesOf } : { max: cacheEntries };
      const cache = createFreshCache<V>({ clock, ttlMs, ...bounds });
      invalidations.attach(name, cache);
      return cache;
    },
    announce: invalidations.announce,
    onErased: (target) => invalidations.attach('erased', target),
  };
  const { onErased } = options;
  if (onErased) {
    parts.onErased({ invalidate: (name) => onErased(refOfName(name)), clear: () => onErased(undefined) });
  }
  const tenants = createTenants(parts);
  const tasks = createTasks(parts);
  const examples = createExamples(parts, tasks);

  /** Names the server process: another one may have been restored from an older snapshot. */
  async function runId(): Promise<string> {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown';
  }

  async function restore(lock: HeldLock): Promise<RebuildReport> {
    const startedAt = performance.now();
    const server = await runId();
    await dropCaches(redis);
    const { report, unfinished } = await indexBucket({ store, redis, indexes });
    await onRebuilt(unfinished);
    // Last: until now a death would make the next reader start over. So does a second loss of Redis meanwhile, which
    // takes the lock with it.
    if ((await redis.eval(completeScript, 2, lock.key, generationKey, lock.token, server)) !== 1) {
      throw new AppError('not_ready', 'The indexes were lost again while they were restored; try again.');
    }
    return { ...report, seconds: (performance.now() - startedAt) / 1_000 };
  }

  async function ensureOnce(): Promise<boolean> {
    const server = await runId();
    if ((await redis.get(generationKey)) === server) return false;
    return locks.hold(
      'rebuild',
      async (lock) => {
        if ((await redis.get(generationKey)) === server) return false;
        await restore(lock);
        return true;
      },
      { waitMs: rebuildWaitMs },
    );
  }

  let ensuring: Promise<boolean> | undefined;
  function ensureIndexed(): Promise<boolean> {
    ensuring ??= ensureOnce().finally(() => {
      ensuring = undefined;
    });
    return ensuring;
  }

  return {
    tenants,
    keys: createKeys(parts),
    tasks,
    examples,
    models: createModels(parts, tasks, examples),
    jobs: createJobs(parts, tasks),
    webhooks: createWebhooks(parts),
    events: createEvents(parts),
    users: createUsers(parts, tasks, examples),
    usage: createUsages(parts, tenants, examples),
    audit: createAudits(parts),
    async rebuild() {
      return locks.hold(
        'rebuild',
        async (lock) => {
          await dropIndexes(redis);
          return restore(lock);
        },
        { waitMs: rebuildWaitMs },
      );
    },
    ensureIndexed,
    close: invalidations.close,
  };
}
