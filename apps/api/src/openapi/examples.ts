import type {
  Alert,
  AuditEntry,
  Collection,
  Compaction,
  Delivery,
  DeliveryOrdered,
  Erasure,
  ErasureKept,
  ErasureProof,
  ExamplesAppended,
  Job,
  JobEvent,
  JobLogLine,
  Key,
  Model,
  ModelSummary,
  ModelVersion,
  Overview,
  Page,
  PredictResponse,
  PredictUsersResponse,
  ProcessCache,
  Session,
  SigningKey,
  SystemState,
  Task,
  Tenant,
  Usage,
  UserImported,
  Webhook,
} from '@scion/contracts';
import { problems } from '@scion/contracts';

interface OperationExamples {
  /** By media type. */
  request?: Record<string, unknown>;
  /** In JSON. */
  response?: unknown;
  /** As text, by media type. */
  otherResponses?: Record<string, string>;
}

const at = '2026-11-23T20:15:00.000Z';
const ulid = '01kaqx8v4n6q0d3w5y7z9b1c3e';
const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const tenantId = `ten_${ulid}`;
const jobId = `job_${ulid}`;
const user = 'ada@example.com';
const task = 'inbox-triage';

const page = <T>(row: T): Page<T> => ({ data: [row], nextCursor: null });
const json = (value: unknown) => ({ 'application/json': value });

const tenant: Tenant = { id: tenantId, name: 'Example Mail', createdAt: at };
const key: Key = {
  id: `key_${ulid}`,
  tenantId,
  name: 'mail backend',
  scopes: ['train', 'predict'],
  start: 'scion_3kTz',
  createdAt: at,
  expiresAt: null,
  lastUsedAt: at,
};
const session: Session = {
  keyId: key.id,
  keyName: key.name,
  scopes: ['admin', 'train', 'predict'],
  tenant,
  expiresAt: '2026-11-24T08:15:00.000Z',
  csrfToken: 'mZ3Vb0bq2nE8c1QkV4lq2mYwq7oTt0J5sXhCqk0c8uI',
};
const storedTask: Task = {
  name: task,
  kind: 'classification',
  modality: 'text',
  base: 'all-MiniLM-L6-v2',
  labels: ['now', 'later'],
  minExamplesPerLabel: 2,
  untrained: 'zero-shot',
  abstainBelow: 0.5,
  retention: { lastVersions: 10, liveDays: 30 },
  createdAt: at,
  updatedAt: at,
};
const appended: ExamplesAppended = {
  accepted: 2,
  replaced: 0,
  duplicates: 0,
  ids: ['m-1', 'm-2'],
  total: 40,
};
const metrics = (accuracy: number, macroF1: number, logLoss: number) => ({
  accuracy,
  macroF1,
  logLoss,
  rows: 40,
});
const gate = {
  promoted: true,
  reason: 'Better than the majority class on rows it was not trained on',
  candidate: metrics(0.9, 0.89, 0.31),
  majority: metrics(0.55, 0.35, 0.69),
  live: null,
};
const job: Job = {
  id: jobId,
  tenantId,
  task,
  user,
  state: 'succeeded',
  stage: null,
  progress: 1,
  attempts: 1,
  createdAt: at,
  startedAt: at,
  finishedAt: at,
  version: 2,
  gate,
  failure: null,
};
const queued: Job = {
  ...job,
  state: 'queued',
  progress: 0,
  attempts: 0,
  startedAt: null,
  finishedAt: null,
  version: null,
  gate: null,
};
const event: JobEvent = { seq: 1, run: 0, at, type: 'state', state: 'queued' };
const version: ModelVersion = {
  version: 2,
  live: true,
  adapterSha256: sha256,
  adapterBytes: 6_712,
  card: {
    task,
    version: 2,
    jobId,
    createdAt: at,
    method: 'head',
    labels: ['later', 'now'],
    examples: 40,
    examplesPerLabel: { later: 22, now: 18 },
    baseSha256: sha256,
    weightsSha256: sha256,
    dataSha256: sha256,
    recipe: { l2: 0.01, folds: 5, seed: 1, temperature: 1.2 },
    seconds: { embed: 0.4, fit: 0.2 },
    gate,
  },
};
const model: Model = {
  tenantId,
  task,
  user,
  examples: 40,
  versions: 2,
  live: version,
  history: [{ version: 2, at, by: jobId, reason: 'gate' }],
};
const summary: ModelSummary = {
  ...{ tenantId, task, user },
  live: {
    ...{ version: 2, createdAt: at, method: 'head', labels: 2, examples: 40 },
    ...{ adapterBytes: 6_712, accuracy: 0.9 },
  },
  lastJob: { id: jobId, state: 'succeeded', createdAt: at, finishedAt: at },
};
const prediction: PredictResponse = {
  predictions: [
    { label: 'later', probability: 0.91, probabilities: { later: 0.91, now: 0.09 }, abstained: false },
  ],
  source: 'model',
  version: 2,
  adapterSha256: sha256,
  baseSha256: sha256,
};
const { baseSha256, ...answer } = prediction;
const predictions: PredictUsersResponse = {
  results: [
    { user, ...answer },
    {
      user: 'bob@example.com',
      problem: { code: 'model_not_trained', detail: 'No version of this user’s model is live.' },
    },
  ],
  baseSha256,
};
const webhook: Webhook = {
  id: `whk_${ulid}`,
  url: 'https://example.com/hooks/scion',
  events: ['job.succeeded', 'model.promoted'],
  tasks: [task],
  state: 'enabled',
  ...{ disabledAt: null, disabledReason: null, failingSince: null, previousSecretUntil: null },
  createdAt: at,
};
const delivery: Delivery = {
  id: `dlv_${ulid}`,
  eventId: `evt_${ulid}`,
  type: 'job.succeeded',
  jobId,
  attempt: 1,
  at,
  ok: true,
  status: 204,
  latencyMs: 41.2,
  error: null,
};
const auditEntry: AuditEntry = {
  ...{ id: `aud_${ulid}`, at, tenantId, by: key.id, byName: key.name, action: 'deleteKey', status: 204 },
  target: { key: `key_${ulid}` },
  requestId: `req_${ulid}`,
};
const usage: Usage = {
  ...{ tenantId, at },
  quotas: [
    { name: 'users', limit: 1_000, used: 212 },
    { name: 'examples', limit: 2_000_000, used: 81_240 },
    { name: 'examplesPerModel', limit: 20_000, used: null },
    { name: 'storageBytes', limit: null, used: 8_124_031 },
    { name: 'jobsPerDay', limit: 500, used: 31 },
    { name: 'openJobs', limit: null, used: 2 },
    { name: 'predictRowsPerMinute', limit: 600_000, used: 1_204 },
  ],
  days: [
    {
      ...{ day: '2026-11-23', predictRows: 48_211, trainingSeconds: 61.4, cacheByteHours: 32_116_000 },
      storedBytes: 8_120_004,
    },
  ],
};
const system: SystemState = {
  version: '0.1.0',
  startedAt: at,
  base: {
    name: 'all-MiniLM-L6-v2-int8',
    sha256,
    hiddenSize: 384,
    layers: 6,
    int8Trunk: {
      texts: 48,
      featureCosine: { least: 0.9906, mean: 0.9975 },
      hiddenError: { largest: 0.104, mean: 0.0695 },
      allowed: { featureCosine: 0.985, hiddenError: 0.2 },
    },
    provider: 'cpu',
    providerFallback: null,
    selfCheck: { directions: 20, worst: 0.03, halves: { error: 2e-7, allowed: 1e-3 } },
  },
  threads: 2,
  cache: {
    bytes: 6_712,
    budgetBytes: 268_435_456,
    entries: 1,
    hits: 12,
    misses: 1,
    loads: 1,
    evictions: 0,
    refusals: 0,
    loadP50Ms: 1.4,
    loadP99Ms: 6.1,
    resident: [{ tenantId, task, user, version: 2, bytes: 6_712 }],
    coldest: [{ tenantId, task, user, version: 2, bytes: 6_712 }],
    tenants: [{ tenantId, bytes: 6_712, entries: 1 }],
  },
  trunkCache: { bytes: 51_200, budgetBytes: 67_108_864, entries: 1, hits: 3, misses: 1 },
  diskTier: null,
  queue: { waiting: 0, active: 0, delayed: 0, failed: 0 },
  workers: 1,
};

const alert: Alert = {
  code: 'no_workers',
  severity: 'critical',
  title: 'No worker lives',
  detail: '3 jobs wait and nothing trains them.',
  remedy: 'Start a worker process; its log says why the last one stopped.',
};
const overview: Overview = {
  ...{ from: at, to: '2026-11-23T20:16:00.000Z', stepSeconds: 60, at: [at] },
  jobs: { succeeded: [12], failed: [1], cancelled: [0], promoted: [11], kept: [1] },
  timeToLive: { p50: [0.9], p95: [2.4] },
  queue: { waiting: [3], tenants: [{ tenantId, waiting: [3], waitSeconds: [0.4] }] },
  predict: { rowsPerSecond: [41.5], p50Ms: [8.2], p99Ms: [31] },
  cache: { bytes: [6_712], entries: [1], hitRate: [0.98] },
  webhooks: { delivered: [12], failed: [1] },
  totals: {
    ...{ ended: 13, failureRate: 1 / 13, promotionRate: 11 / 12, predictedRows: 2_490 },
    ...{ timeToLiveP50Seconds: 0.9, timeToLiveP95Seconds: 2.4, predictP50Ms: 8.2, predictP99Ms: 31 },
    ...{ cacheHitRate: 0.98, webhookFailureRate: 1 / 13 },
  },
  now: {
    queue: { waiting: 3, active: 1, delayed: 0, failed: 0, oldestWaitSeconds: 1.2 },
    cache: { bytes: 6_712, budgetBytes: 268_435_456, entries: 1 },
    apis: 1,
    workers: [
      {
        ...{
          id: '6f1e1c0a-3f0e-4f0e-9a53-0d9b6f2f3c11',
          startedAt: at,
          provider: 'cpu',
          threads: 2,
          slots: 1,
        },
        jobs: [{ jobId, tenantId, task, stage: 'head', progress: 0.4, startedAt: at }],
      },
    ],
  },
  alerts: [alert],
};

const erasure: Erasure = {
  receipt: {
    id: `ers_${ulid}`,
    ...{ tenantId, user, tasks: [task], startedAt: at, erasedAt: at, by: `key_${ulid}` },
    objects: [
      {
        key: `tenants/${tenantId}/users/ada!40example!2ecom/${task}/examples/seg_${ulid}.ndjson`,
        ...{ sha256, bytes: 5_310 },
      },
    ],
    jobs: [jobId],
  },
  jws: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.eyJpZCI6Ii4uLiJ9.c2lnbmF0dXJl',
  stoppingJobs: [],
};
const proof: ErasureProof = {
  id: `ers_${ulid}`,
  ...{ tenantId, startedAt: at, erasedAt: at, by: `key_${ulid}`, tasks: [task], jobs: [jobId] },
  ...{ objects: 1, objectsSha256: [sha256], jwsSha256: sha256 },
};
const disabled: Webhook = {
  ...webhook,
  state: 'disabled',
  ...{ disabledAt: at, failingSince: at, disabledReason: `Every attempt has failed since ${at}.` },
};
const ordered: DeliveryOrdered = { eventId: `evt_${ulid}`, type: 'job.succeeded' };
const signingKey: SigningKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  alg: 'EdDSA',
  use: 'sig',
};

const problem = {
  type: '/problems/model_not_trained',
  code: 'model_not_trained',
  ...problems.model_not_trained,
  retryable: false,
};

/** By operationId. A test holds each against its schema. */
export const examples: Record<string, OperationExamples> = {
  beginSession: { response: session },
  getSession: { response: session },
  createTenant: { request: json({ name: tenant.name }), response: tenant },
  listTenants: { response: page(tenant) },
  getTenant: { response: tenant },
  putTenant: {
    request: json({ name: tenant.name, weight: 2, quotas: { users: 1_000, jobsPerDay: 500 } }),
    response: { ...tenant, weight: 2, quotas: { users: 1_000, jobsPerDay: 500 } } satisfies Tenant,
  },
  getUsage: { response: usage },
  listAudit: { response: page(auditEntry) },
  createKey: {
    request: json({ name: key.name, scopes: key.scopes }),
    response: { ...key, lastUsedAt: null, secret: 'scion_…' },
  },
  listKeys: { response: page(key) },
  getKey: { response: key },
  rotateKey: {
    request: json({ overlapSeconds: 3_600 }),
    response: { ...key, lastUsedAt: null, secret: 'scion_…' },
  },
  putTask: {
    request: json({ labels: ['now', 'later'], untrained: 'zero-shot', abstainBelow: 0.5 }),
    response: storedTask,
  },
  getTask: { response: storedTask },
  listTasks: { response: page(storedTask) },
  appendExamples: {
    request: {
      'application/json': {
        examples: [
          { id: 'm-1', input: 'Invoice overdue: second reminder', label: 'now' },
          { id: 'm-2', input: 'Our autumn newsletter', label: 'later' },
        ],
      },
      'application/x-ndjson':
        '{"id":"m-1","input":"Invoice overdue: second reminder","label":"now"}\n{"id":"m-2","input":"Our autumn newsletter","label":"later"}\n',
    },
    response: appended,
  },
  listExamples: {
    response: page({
      id: 'm-1',
      input: 'Invoice overdue: second reminder',
      label: 'now',
      weight: 1,
      createdAt: at,
    }),
  },
  exportExamples: {
    otherResponses: {
      'application/x-ndjson': `{"id":"m-1","input":"Invoice overdue: second reminder","label":"now","weight":1,"createdAt":"${at}"}\n`,
    },
  },
  compactExamples: { response: { before: 40, after: 1, examples: 312 } satisfies Compaction },
  createJob: { request: json({ task, user, priority: 'bulk' }), response: queued },
  listJobs: { response: page(job) },
  getJob: { response: job },
  cancelJob: { response: { ...queued, state: 'cancelled', finishedAt: at } satisfies Job },
  pauseJob: { response: { ...queued, state: 'paused' } satisfies Job },
  resumeJob: { response: queued },
  retryJob: { response: { ...queued, retryOf: `job_${ulid}` } satisfies Job },
  listJobLogs: {
    response: page<JobLogLine>({
      ...{ at, level: 'info', attempt: 1, message: 'training job succeeded' },
      fields: { modelVersion: 2, method: 'head', promoted: true, examples: 40, seconds: 0.9 },
    }),
  },
  listJobEvents: {
    response: page(event),
    otherResponses: {
      'text/event-stream': `retry: 2000\n\nid: 0-1\nevent: state\ndata: ${JSON.stringify(event)}\n\n`,
    },
  },
  predict: { request: json({ inputs: ['Your parcel is at the door'] }), response: prediction },
  prefetchModels: {
    request: json({ users: [user, 'bob@example.com'] }),
    response: { models: 1 },
  },
  predictUsers: {
    request: json({ inputs: ['Your parcel is at the door'], users: [user, 'bob@example.com'] }),
    response: predictions,
  },
  listModels: { response: page(summary) },
  getModel: { response: model },
  listVersions: { response: page(version) },
  getVersion: { response: version },
  rollbackModel: { request: json({ version: 1 }), response: model },
  promoteVersion: { request: json({ version: 2 }), response: model },
  pinVersion: { response: { ...version, pinned: true } satisfies ModelVersion },
  unpinVersion: { response: version },
  collectVersions: { response: { removed: [1], leftovers: 0, kept: 11 } satisfies Collection },
  eraseUser: { response: erasure },
  eraseTaskUser: { response: erasure },
  exportUser: { otherResponses: { 'application/x-tar': '(a tar archive)' } },
  importUser: {
    request: { 'application/x-tar': '(a tar archive)' },
    response: {
      user,
      tasks: [{ task, examples: 40, versions: 2, live: 2, jobs: 2 }],
    } satisfies UserImported,
  },
  listErasures: { response: page(proof) },
  getErasure: { response: { proof, jws: erasure.jws } satisfies ErasureKept },
  getSigningKey: { response: signingKey },
  createWebhook: {
    request: json({ url: webhook.url, events: webhook.events, tasks: webhook.tasks }),
    response: { ...webhook, secret: 'whsec_…' },
  },
  listWebhooks: { response: page(webhook) },
  getWebhook: { response: disabled },
  rotateWebhookSecret: {
    request: json({ overlapSeconds: 3_600 }),
    response: { ...webhook, previousSecretUntil: at, secret: 'whsec_…' },
  },
  pingWebhook: { response: { ...ordered, type: 'ping' } satisfies DeliveryOrdered },
  enableWebhook: { response: webhook },
  listDeliveries: { response: page(delivery) },
  replayDelivery: { response: ordered },
  getSystem: { response: system },
  listCaches: {
    response: page<ProcessCache>({
      process: '0e8a4c52-9f0b-4a55-8b0e-3d1f0c7a2b91',
      ...{ bytes: 6_712, budgetBytes: 268_435_456, entries: 1, hits: 49, misses: 1 },
      resident: [{ tenantId, task, user, version: 2, bytes: 6_712 }],
    }),
  },
  getOverview: {
    response: overview,
    otherResponses: {
      'text/event-stream': `retry: 2000\n\nevent: overview\ndata: ${JSON.stringify(overview)}\n\n`,
    },
  },
  getLive: { response: { status: 'live' } },
  getReady: {
    response: {
      status: 'ready',
      checks: { redis: { ok: true }, store: { ok: true }, indexes: { ok: true }, engine: { ok: true } },
    },
  },
  getMetrics: {
    otherResponses: { 'text/plain': 'scion_predicted_rows_total{source="model"} 42\n' },
  },
  listProblems: { response: { data: [problem] } },
  getProblem: { response: problem },
};
