import { type Card, createIds, type GateDecision, type ModelRef } from '@scion/contracts';
import { createMemoryStore, type ObjectStore } from '@scion/store';
import { createTestClock, startRedis, type TestClock, type TestRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import { createRegistry, type EncodedVersion, type Registry, type RegistryOptions } from '../index.js';
import { sha256Hex } from '../secrets.js';

/** A store, a real Redis and any number of registries over them, as in a deployment of several processes. */
export interface World {
  store: ObjectStore;
  server: TestRedis;
  redis: Redis;
  clock: TestClock;
  /** Another process: its own connections and caches. */
  registry(options?: Partial<RegistryOptions>): Promise<Registry>;
  close(): Promise<void>;
}

export async function createWorld(store: ObjectStore = createMemoryStore()): Promise<World> {
  const server = await startRedis();
  const clock = createTestClock();
  const redis = new Redis(server.connect());
  const closers: (() => Promise<void>)[] = [];
  return {
    ...{ store, server, redis, clock },
    async registry(options = {}) {
      const own = new Redis(server.connect());
      own.on('error', () => {});
      const registry = await createRegistry({
        store,
        redis: own,
        clock,
        newId: createIds(clock),
        ...options,
      });
      closers.push(async () => {
        await registry.close();
        own.disconnect();
      });
      return registry;
    },
    async close() {
      await Promise.all(closers.map((close) => close()));
      redis.disconnect();
      await server.close();
    },
  };
}

const metrics = { accuracy: 1, macroF1: 1, logLoss: 0.1, rows: 4 };
export const gate: GateDecision = {
  promoted: true,
  reason: 'first version',
  candidate: metrics,
  majority: metrics,
  live: null,
};

/** The base that `encodedVersion` says it was trained on. */
export const testBase = { name: 'minilm', sha256: '0'.repeat(64) };

/** What a worker would encode for a job; the adapter's bytes name job and version. */
export function encodedVersion(ref: ModelRef, jobId: string, version: number): EncodedVersion {
  const adapter = new TextEncoder().encode(`adapter ${jobId} ${version}`);
  const card: Card = {
    task: ref.task,
    version,
    jobId,
    createdAt: '2026-01-01T00:00:00.000Z',
    method: 'head',
    labels: ['like', 'skip'],
    examples: 4,
    examplesPerLabel: { like: 2, skip: 2 },
    baseSha256: testBase.sha256,
    dataSha256: '1'.repeat(64),
    recipe: { l2: 1, folds: 2, seed: 1, temperature: 1 },
    seconds: { embed: 0.1, fit: 0.1 },
    gate,
  };
  return { card, adapter, adapterSha256: sha256Hex(adapter) };
}

/** A tenant with one task. */
export async function plant(
  registry: Registry,
  task = 'inbox-triage',
): Promise<{ tenantId: string; task: string }> {
  const tenant = await registry.tenants.create({ name: 'Orchard' });
  await registry.tasks.put(tenant.id, task, {}, { base: testBase.name });
  return { tenantId: tenant.id, task };
}
