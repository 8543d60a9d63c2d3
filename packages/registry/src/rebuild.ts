import type { Job, ModelRef } from '@scion/contracts';
import { listAll, type ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import { exampleCachePrefix } from './example-index.js';
import { tallyPrefix } from './example-tally.js';
import {
  generationKey,
  type Indexes,
  indexNames,
  indexPrefix,
  isOpen,
  isRunnable,
  memberOfImport,
  modelName,
} from './indexes.js';
import { readJson } from './json-object.js';
import { baseName, importOfKey, objectKeys, parseUserObject } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { RebuildReport } from './registry.js';

/** Records read ahead of their indexing; bounds memory whatever the bucket's size. */
const batchSize = 256;

export interface RebuildDeps {
  store: ObjectStore;
  redis: Redis;
  indexes: Indexes;
}

/** Removes every key under a prefix. A scan misses none that existed from its start to its end. */
async function dropPrefix(redis: Redis, prefix: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}

/** Forgets the indexes; without their generation mark, readers wait for a rebuild. */
export async function dropIndexes(redis: Redis): Promise<void> {
  await redis.unlink(generationKey);
  await dropPrefix(redis, indexPrefix);
}

export async function dropCaches(redis: Redis): Promise<void> {
  await dropPrefix(redis, exampleCachePrefix);
  await dropPrefix(redis, tallyPrefix);
}

async function* inBatches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function* childrenOf(store: ObjectStore, prefix: string): AsyncGenerator<string> {
  let after: string | null = null;
  do {
    const page: { names: string[]; next: string | null } = await store.children(
      prefix,
      after === null ? {} : { after },
    );
    yield* page.names;
    after = page.next;
  } while (after !== null);
}

/**
 * Indexes everything in the bucket; only ever adds, so writers need not stop. Returns the unfinished jobs, which the
 * queue has lost as well.
 */
export async function indexBucket(
  deps: RebuildDeps,
): Promise<{ report: Omit<RebuildReport, 'seconds'>; unfinished: Job[] }> {
  const { store, indexes } = deps;
  const report = {
    ...{ tenants: 0, keys: 0, tasks: 0, models: 0, jobs: 0, unfinishedJobs: 0, webhooks: 0, deliveries: 0 },
  };
  const unfinished: Job[] = [];

  for await (const batch of inBatches(listAll(store, objectKeys.keysPrefix))) {
    await mapLimit(batch, async ({ key }) => {
      const record = await readJson<{ id: string; tenantId: string | null }>(store, key);
      if (!record) return;
      await indexes.add(indexNames.keys(record.tenantId), record.id);
      report.keys += 1;
    });
  }

  await indexAudit(deps, null);
  for await (const tenantId of childrenOf(store, objectKeys.tenantsPrefix)) {
    await indexAudit(deps, tenantId);
    if (await store.head(objectKeys.tenant(tenantId))) {
      await indexes.add(indexNames.tenants, tenantId);
      report.tenants += 1;
    }
    for await (const { key } of listAll(store, objectKeys.tasksPrefix(tenantId))) {
      await indexes.add(indexNames.tasks(tenantId), baseName(key));
      report.tasks += 1;
    }
    for await (const { key } of listAll(store, objectKeys.eventsPrefix(tenantId))) {
      await indexes.putEvent(tenantId, baseName(key), undefined);
    }
    for await (const { key } of listAll(store, objectKeys.erasuresPrefix(tenantId))) {
      await indexes.add(indexNames.erasures(tenantId), baseName(key));
    }
    await indexWebhooks(deps, tenantId, report);
    await indexUsers(deps, tenantId, report, unfinished);
  }
  report.unfinishedJobs = unfinished.length;
  return { report, unfinished };
}

async function indexAudit({ store, indexes }: RebuildDeps, tenantId: string | null): Promise<void> {
  for await (const batch of inBatches(listAll(store, objectKeys.auditPrefix(tenantId)))) {
    await mapLimit(batch, ({ key }) => indexes.add(indexNames.audit(tenantId), baseName(key)));
  }
}

async function indexWebhooks(
  { store, indexes }: RebuildDeps,
  tenantId: string,
  report: { webhooks: number; deliveries: number },
): Promise<void> {
  for await (const webhookId of childrenOf(store, objectKeys.webhooksPrefix(tenantId))) {
    // Deliveries without their webhook are what a deletion that died has left.
    if (!(await store.head(objectKeys.webhook(tenantId, webhookId)))) continue;
    await indexes.add(indexNames.webhooks(tenantId), webhookId);
    report.webhooks += 1;
    for await (const { key } of listAll(store, objectKeys.deliveriesPrefix(tenantId, webhookId))) {
      await indexes.add(indexNames.deliveries(webhookId), baseName(key));
      report.deliveries += 1;
    }
  }
}

async function indexUsers(
  deps: RebuildDeps,
  tenantId: string,
  report: { models: number; jobs: number },
  unfinished: Job[],
): Promise<void> {
  const { store, indexes } = deps;
  // Keys come in order, so the objects of one model stand together.
  let lastModel = '';
  for await (const batch of inBatches(listAll(store, objectKeys.usersPrefix(tenantId)))) {
    const models: ModelRef[] = [];
    const jobs: string[] = [];
    const events: { ref: ModelRef; eventId: string }[] = [];
    for (const { key } of batch) {
      const importing = importOfKey(key);
      if (importing !== undefined) await indexes.add(indexNames.imports, memberOfImport(tenantId, importing));
      const parsed = parseUserObject(key);
      if (!parsed) continue;
      const name = modelName(parsed.ref);
      if (name !== lastModel) models.push(parsed.ref);
      lastModel = name;
      if (parsed.jobId !== undefined) jobs.push(key);
      if (parsed.eventId !== undefined) events.push({ ref: parsed.ref, eventId: parsed.eventId });
    }
    await mapLimit(models, (ref) => indexes.putModel(ref));
    report.models += models.length;
    await mapLimit(events, ({ ref, eventId }) => indexes.putEvent(tenantId, eventId, ref));
    await mapLimit(jobs, async (key) => {
      const job = await indexJob(deps, key);
      if (!job) return;
      report.jobs += 1;
      if (isRunnable(job.state)) unfinished.push(job);
    });
  }
}

/**
 * A writer changes the record, then its index. Reading the record again after indexing it finds a change that this one
 * overtook; taking the writers' lock instead would deadlock with a writer that waits for the rebuild.
 */
async function indexJob({ store, indexes }: RebuildDeps, key: string): Promise<Job | undefined> {
  let job = await readJson<Job>(store, key);
  while (job) {
    await indexes.putJob(job);
    if (!isOpen(job.state)) return job;
    const again: Job | undefined = await readJson<Job>(store, key);
    if (again?.state === job.state) return again;
    job = again;
  }
  return undefined;
}
