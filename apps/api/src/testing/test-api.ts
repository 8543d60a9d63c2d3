import { createHash } from 'node:crypto';
import {
  AppError,
  createIds,
  type Job,
  type ModelRef,
  type ModelVersion,
  type Problem,
} from '@scion/contracts';
import { createMeter, type Meter } from '@scion/meter';
import { createQueue, type Queue } from '@scion/queue';
import { createRegistry, type Registry } from '@scion/registry';
import { createMemoryStore, type ObjectStore } from '@scion/store';
import { createWebhooks } from '@scion/webhooks';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { Redis } from 'ioredis';
import { type Logger, pino } from 'pino';
import { buildApp } from '../app.js';
import { createIdempotencyStore } from '../http/idempotency-store.js';
import { createMetrics } from '../http/metrics.js';
import { createSessions } from '../http/session.js';
import { toProcessCache } from '../overview/to-process-cache.js';
import type { ApiDeps, ApiSettings } from '../ports.js';
import { createPredictQuota } from '../quota/predict-quota.js';
import type { App } from '../server.js';
import { createFakeEngine, type FakeEngine, testCard } from './fake-engine.js';

interface Teardown {
  teardown(step: () => Promise<unknown>): void;
}

/** A tenant with one key for each scope. */
export interface TestTenant {
  id: string;
  admin: string;
  train: string;
  predict: string;
  /** A key with all scopes. */
  all: string;
}

export interface Call extends InjectOptions {
  key?: string;
  /** Sent as `Scion-Tenant`. */
  tenant?: string;
}

export interface TestApi {
  app: App;
  registry: Registry;
  queue: Queue;
  engine: FakeEngine;
  store: ObjectStore;
  /** Counts go to Redis when a test flushes it. */
  meter: Meter;
  redis: Redis;
  /** Milliseconds since the epoch; tests move it. */
  time: { now: number };
  /** Secret of an operator key. */
  operator: string;
  /** Jobs announced to webhooks by the API itself. */
  announced: Job[];
  createTenant(name?: string): Promise<TestTenant>;
  /** Publishes the next version of a model, as a worker would, and makes it live. */
  publish(ref: ModelRef, labels?: string[]): Promise<ModelVersion>;
  /** Injects a request. */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    options?: Call,
  ): Promise<LightMyRequestResponse>;
}

export interface TestApiOptions {
  /** A real Redis of the test file's own; it is emptied. */
  redis: { path: string };
  settings?: Partial<ApiSettings>;
  rowsPerMinute?: number;
  logger?: Logger;
  override?: Partial<ApiDeps>;
}

/** The whole application over a memory store, a real Redis and a stand-in engine. */
export async function startTestApi(t: Teardown, options: TestApiOptions): Promise<TestApi> {
  const time = { now: Date.parse('2026-11-23T20:15:00.000Z') };
  const clock = () => time.now;
  const newId = createIds(clock);
  const store = createMemoryStore();
  const redis = new Redis({ path: options.redis.path, maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  // Several applications of one test file may share a server, one after the other.
  await redis.flushall();
  const queue = createQueue({ connection: { path: options.redis.path }, clock });
  const registry = await createRegistry({ store, redis, clock, newId });
  await registry.ensureIndexed();
  const engine = createFakeEngine();
  const announced: Job[] = [];

  const meter = createMeter({
    ...{ redis, clock, flushMs: 0, onError: () => {} },
    describe: () => ({ kind: 'api', cache: toProcessCache(engine.cacheState()) }),
  });

  const webhooks = createWebhooks({
    ...{ records: registry.webhooks, events: registry.events, loadJob: registry.jobs.get, clock, newId },
    enqueue: queue.enqueueDelivery,
    send: async () => ({ status: null, error: 'connection_failed' }),
  });
  const app = await buildApp({
    ...{ registry, queue, engine, clock, newId },
    webhooks: {
      ...webhooks,
      async emit(job) {
        announced.push(job);
        return webhooks.emit(job);
      },
    },
    async checkWebhookUrl(url) {
      if (!url.startsWith('https:'))
        throw new AppError('webhook_url_refused', 'url must start with https://');
    },
    quota: createPredictQuota({
      ...{ redis, clock },
      rowsPerMinute: options.rowsPerMinute ?? 600_000,
      onUnavailable: () => {},
    }),
    sessions: createSessions({ redis, clock }),
    metrics: createMetrics({
      cacheState: () => engine.cacheState(),
      trunkCacheState: () => engine.trunkCacheState(),
      queueCounts: () => queue.counts(),
      processMetrics: false,
    }),
    meter,
    idempotency: createIdempotencyStore(redis),
    isIndexed: () => true,
    readiness: { redis: () => redis.ping(), store: () => store.head('x'), engine: async () => {} },
    logger: options.logger ?? pino({ level: 'silent' }),
    ...options.override,
    settings: {
      version: '0.0.0-test',
      dashboardDir: undefined,
      corsOrigins: [],
      heartbeatMs: 60_000,
      overviewMs: 60_000,
      closeGraceMs: 60_000,
      maxEventLoopDelayMs: 0,
      examplesPerModel: 20_000,
      ...options.settings,
    },
  });
  t.teardown(async () => {
    await app.close();
    await registry.close();
    await queue.close();
    redis.disconnect();
    await store.close();
  });

  const operator = `scion_${'o'.repeat(40)}`;
  await registry.keys.ensureOperatorKey(operator);

  return {
    ...{ app, registry, queue, engine, store, meter, redis, time, operator, announced },
    async createTenant(name = 'tenant') {
      const { id } = await registry.tenants.create({ name });
      const secret = async (scopes: ('admin' | 'train' | 'predict')[]) =>
        (await registry.keys.create(id, { name: 'test', scopes })).secret;
      return {
        id,
        admin: await secret(['admin']),
        train: await secret(['train']),
        predict: await secret(['predict']),
        all: await secret(['admin', 'train', 'predict']),
      };
    },
    publish: (ref, labels = ['like', 'hide']) => publish(registry, newId('job'), clock, ref, labels),
    call: (method, url, { key, tenant, headers, ...rest } = {}) =>
      app.inject({
        ...{ method, url },
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(tenant !== undefined && { 'scion-tenant': tenant }),
          ...headers,
        },
        ...rest,
      }),
  };
}

async function publish(
  registry: Registry,
  jobId: string,
  clock: () => number,
  ref: ModelRef,
  labels: string[],
): Promise<ModelVersion> {
  const { version } = await registry.models.publish(ref, jobId, (number) => {
    const adapter = Buffer.from(`adapter ${number}`);
    const adapterSha256 = createHash('sha256').update(adapter).digest('hex');
    return {
      adapter,
      adapterSha256,
      card: testCard(ref.task, number, jobId, labels, clock()),
    };
  });
  await registry.models.promote(ref, version, jobId);
  return registry.models.version(ref, version);
}

/** The problem document of an answer; throws when it is none. */
export function problemOf(response: LightMyRequestResponse): Problem {
  const type = String(response.headers['content-type']);
  if (!type.startsWith('application/problem+json'))
    throw new Error(`no problem document: ${response.statusCode} ${type}`);
  return response.json();
}
