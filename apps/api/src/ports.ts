import type { CacheState, Clock, ModelRef, NewId, SystemState } from '@scion/contracts';
import type { Meter } from '@scion/meter';
import type { Queue } from '@scion/queue';
import type { Rebind, Registry } from '@scion/registry';
import type { Webhooks } from '@scion/webhooks';
import type { FastifyPluginCallback } from 'fastify';
import type { Logger } from 'pino';
import type { IdempotencyStore } from './http/idempotency-store.js';
import type { Metrics } from './http/metrics.js';
import type { Sessions } from './http/session.js';
import type { PredictQuota } from './quota/predict-quota.js';

/** Rows × labels. */
export interface LabelProbabilities {
  labels: string[];
  probabilities: Float32Array;
}

/** What the routes ask of the engine. */
export interface PredictionEngine {
  base: Pick<SystemState['base'], 'name' | 'sha256' | 'hiddenSize' | 'layers'> & {
    /** Absent: the trunk is float32. */
    int8Trunk?: NonNullable<SystemState['base']['int8Trunk']>;
    /** Absent: an earlier release registered the base. */
    selfCheck?: NonNullable<SystemState['base']['selfCheck']>;
  };
  provider: string;
  providerFallback: string | undefined;
  threads: number;
  /** Throws overloaded, artifact_invalid and base_mismatch; never answers from another adapter. */
  predict(
    adapter: ModelRef & { version: number; adapterSha256: string },
    texts: string[],
    call?: { signal?: AbortSignal },
  ): Promise<LabelProbabilities>;
  /** The same texts for several models of one tenant; for each its answer or why there is none. */
  predictEach(
    adapters: (ModelRef & { version: number; adapterSha256: string })[],
    texts: string[],
    call?: { signal?: AbortSignal },
  ): Promise<PromiseSettledResult<LabelProbabilities>[]>;
  zeroShot(
    labels: string[],
    texts: string[],
    call: { tenantId: string; signal?: AbortSignal },
  ): Promise<LabelProbabilities>;
  prefetch(adapters: (ModelRef & { version: number; adapterSha256: string })[]): Promise<void>;
  /** An exported adapter bound to another owner. Throws artifact_invalid and base_mismatch. */
  rebind: Rebind;
  cacheState(): CacheState;
  trunkCacheState(): SystemState['trunkCache'];
  diskTierState(): SystemState['diskTier'];
}

export type JobQueue = Pick<
  Queue,
  | 'enqueueTraining'
  | 'enqueueDelivery'
  | 'enqueueRefresh'
  | 'scheduleTask'
  | 'resumeTraining'
  | 'requestCancel'
  | 'requestPause'
  | 'forget'
  | 'forgetLooks'
  | 'counts'
  | 'backlog'
  | 'events'
  | 'logs'
  | 'changes'
>;
export type Records = Pick<
  Registry,
  'tenants' | 'keys' | 'tasks' | 'examples' | 'models' | 'jobs' | 'webhooks' | 'users' | 'usage' | 'audit'
>;

/** Everything the HTTP application stands on. Each route takes the few of these that it uses. */
export interface ApiDeps {
  registry: Records;
  queue: JobQueue;
  engine: PredictionEngine;
  /** Announces what this process did, to the tenant's webhooks: jobs cancelled before a worker took them, switches, erasures. */
  webhooks: Pick<Webhooks, 'emit' | 'announce' | 'announceSwitch' | 'announceQuota' | 'ping'>;
  /** Throws webhook_url_refused. */
  checkWebhookUrl(url: string): Promise<void>;
  quota: PredictQuota;
  sessions: Sessions;
  idempotency: IdempotencyStore;
  metrics: Metrics;
  /** Undefined traces nothing. */
  tracing?: { http: FastifyPluginCallback } | undefined;
  meter: Pick<Meter, 'predicted' | 'refused' | 'overview' | 'caches' | 'usage'>;
  /** Whether the indexes have been whole since this process started. */
  isIndexed(): boolean;
  /** By the name of a part: resolves when it works, rejects with the reason when it does not. */
  readiness: Record<string, () => Promise<unknown>>;
  clock: Clock;
  newId: NewId;
  logger: Logger;
  settings: ApiSettings;
}

export interface ApiSettings {
  /** Of this software, shown by `/v1/system` and in the OpenAPI document. */
  version: string;
  /** Examples one user may keep for one task. */
  examplesPerModel: number;
  /** Folder with the built dashboard; undefined serves none. */
  dashboardDir: string | undefined;
  /** Origins whose pages may call the API with a key; `*` is any. */
  corsOrigins: readonly string[];
  /** A comment is sent on a silent event stream this often, in milliseconds, so that no proxy takes it for dead. */
  heartbeatMs: number;
  /** An event stream of the overview sends it this often, in milliseconds. */
  overviewMs: number;
  /** Answers that are still being read this long after closing began, in milliseconds, are cut off. */
  closeGraceMs: number;
  /** Requests are answered 429 while the event loop is later than this many milliseconds; 0 never does so. */
  maxEventLoopDelayMs: number;
}
