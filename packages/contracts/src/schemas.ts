import { type Static, type TSchema, Type } from 'typebox';
import { idPattern } from './ids.js';

/** Limits that every Scion shares. Quotas of one tenant are lower, never higher. */
export const limits = {
  /** A user id is the tenant's own opaque string: any UTF-8 up to this many bytes, except `.` and `..`. */
  userBytes: 256,
  exampleIdChars: 128,
  /** Characters of one text. The base truncates at its own token limit long before. */
  textChars: 20_000,
  labelChars: 200,
  labelsPerTask: 500,
  examplesPerRequest: 1_000,
  examplesPerModel: 20_000,
  predictRowsPerRequest: 256,
  bodyBytes: 8 * 1024 * 1024,
  pageSize: 100,
  webhooksPerTenant: 20,
} as const;

const closed = { additionalProperties: false } as const;
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds',
  examples: ['2026-11-23T20:15:00.000Z'],
});
export const TenantId = Type.String({ pattern: idPattern('tenant') });
export const KeyId = Type.String({ pattern: idPattern('key') });
export const JobId = Type.String({ pattern: idPattern('job') });
export const WebhookId = Type.String({ pattern: idPattern('webhook') });
export const TaskName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Lower-case letters, digits and hyphens; at most 63 characters',
  examples: ['inbox-triage'],
});
export const UserId = Type.String({
  minLength: 1,
  maxLength: limits.userBytes,
  description:
    'Your own id of the end user: any UTF-8 up to 256 bytes, except "." and ".."; percent-encode it in a path',
  examples: ['ada@example.com'],
});
export const Label = Type.String({ minLength: 1, maxLength: limits.labelChars });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });

export const Page = <T extends TSchema>(item: T) =>
  Type.Object({ data: Type.Array(item), nextCursor: Nullable(Type.String()) }, closed);
export const PageQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ maxLength: 2_048, description: '`nextCursor` of the page before' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSize, default: limits.pageSize })),
  },
  closed,
);

// ---- tenants and keys

export const Tenant = Type.Object({ id: TenantId, name: Type.String(), createdAt: Timestamp }, closed);
export const TenantCreate = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }, closed);

/** `admin` manages tasks, keys and webhooks; `train` sends examples and jobs; `predict` asks. None implies another. */
export const Scope = Type.Enum(['admin', 'train', 'predict']);
export const Key = Type.Object(
  {
    id: KeyId,
    tenantId: Nullable(TenantId),
    name: Type.String(),
    scopes: Type.Array(Scope),
    createdAt: Timestamp,
    expiresAt: Nullable(Timestamp),
  },
  { ...closed, description: 'An API key without its secret. `tenantId` is null for an operator key.' },
);
export const KeyCreate = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Type.Array(Scope, { minItems: 1, uniqueItems: true }),
    expiresAt: Type.Optional(Timestamp),
  },
  closed,
);
export const KeyCreated = Type.Object(
  { ...Key.properties, secret: Type.String({ description: 'Shown this once; only its hash is kept' }) },
  closed,
);

// ---- tasks

export const Untrained = Type.Enum(['error', 'zero-shot'], {
  default: 'error',
  description:
    'What a user without a trained model gets: a 409, or the label whose name lies nearest to the input in the base’s embedding space (needs `labels`; the answer says `source: "zero-shot"`)',
});
export const TaskSpec = Type.Object(
  {
    kind: Type.Enum(['classification'], { default: 'classification' }),
    modality: Type.Enum(['text'], { default: 'text' }),
    labels: Type.Optional(
      Type.Array(Label, {
        minItems: 2,
        maxItems: limits.labelsPerTask,
        uniqueItems: true,
        description: 'The closed label set. Left out, each user’s labels are those of their examples.',
      }),
    ),
    minExamplesPerLabel: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 1_000,
        default: 2,
        description: 'Fewer than this and a job is refused',
      }),
    ),
    untrained: Type.Optional(Untrained),
    abstainBelow: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0,
        description: 'Predictions less probable than this abstain',
      }),
    ),
  },
  closed,
);
export const Task = Type.Object(
  {
    name: TaskName,
    kind: Type.Enum(['classification']),
    modality: Type.Enum(['text']),
    base: Type.String({ description: 'The frozen base model that all users of the task share' }),
    labels: Nullable(Type.Array(Label)),
    minExamplesPerLabel: Type.Integer(),
    untrained: Type.Enum(['error', 'zero-shot']),
    abstainBelow: Type.Number(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  closed,
);

// ---- examples

export const ExampleInput = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: limits.exampleIdChars,
        description:
          'Yours, or ours when left out. Sent again it replaces the example of that id; unchanged, it is a no-op.',
      }),
    ),
    input: Type.String({ description: 'The text', examples: ['Invoice overdue: second reminder'] }),
    label: Label,
    weight: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1_000, default: 1 })),
  },
  closed,
);
export const Example = Type.Object(
  { id: Type.String(), input: Type.String(), label: Label, weight: Type.Number(), createdAt: Timestamp },
  closed,
);
export const ExamplesAppend = Type.Object(
  { examples: Type.Array(ExampleInput, { minItems: 1 }) },
  {
    ...closed,
    description: 'At most 1000 examples; with `application/x-ndjson`, one example a line instead',
  },
);
export const ExamplesAppended = Type.Object(
  {
    accepted: Type.Integer({ description: 'New examples stored' }),
    replaced: Type.Integer({ description: 'Examples whose id was known, with other content' }),
    duplicates: Type.Integer({ description: 'Examples already stored exactly so' }),
    ids: Type.Array(Type.String(), { description: 'In the order sent' }),
    total: Type.Integer({ description: 'Examples of this user for this task now' }),
  },
  closed,
);

// ---- jobs

export const JobState = Type.Enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export const JobStage = Type.Enum(['head', 'adapter', 'evaluating', 'publishing']);
export const Metrics = Type.Object(
  {
    accuracy: Type.Number({ description: 'Share of right answers, 0 to 1' }),
    macroF1: Type.Number({ description: 'Mean F1 over labels, 0 to 1' }),
    logLoss: Type.Number({ description: 'Mean negative log-likelihood, nats' }),
    rows: Type.Integer({ description: 'Rows they were measured on' }),
  },
  closed,
);
/** How the gate judged a version: never on rows the judged model was trained on. */
export const GateDecision = Type.Object(
  {
    promoted: Type.Boolean(),
    reason: Type.String(),
    candidate: Metrics,
    majority: Metrics,
    live: Nullable(
      Type.Object(
        { version: Type.Integer(), candidate: Metrics, live: Metrics },
        { ...closed, description: 'Both measured on the examples that came after the live version' },
      ),
    ),
  },
  closed,
);
export const JobFailure = Type.Object({ code: Type.String(), detail: Type.String() }, closed);
export const Job = Type.Object(
  {
    id: JobId,
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    state: JobState,
    stage: Nullable(JobStage),
    progress: Type.Number({ minimum: 0, maximum: 1 }),
    attempts: Type.Integer(),
    createdAt: Timestamp,
    startedAt: Nullable(Timestamp),
    finishedAt: Nullable(Timestamp),
    version: Nullable(Type.Integer({ description: 'The model version it published' })),
    gate: Nullable(GateDecision),
    failure: Nullable(JobFailure),
  },
  closed,
);
export const JobCreate = Type.Object({ task: TaskName, user: UserId }, closed);

/** One line of a job's event stream. `seq` counts from 1 and is the SSE event id. */
export const JobEvent = Type.Object(
  {
    seq: Type.Integer({ minimum: 1 }),
    at: Timestamp,
    type: Type.Enum(['state', 'stage', 'metric']),
    state: Type.Optional(JobState),
    stage: Type.Optional(JobStage),
    progress: Type.Optional(Type.Number()),
    /** Of a metric: which fit it belongs to (`fold 1 of 5`, `final`), the optimizer step, and the objective there. */
    series: Type.Optional(Type.String()),
    step: Type.Optional(Type.Integer()),
    loss: Type.Optional(Type.Number({ description: 'Mean training cross-entropy, nats' })),
    validationLoss: Type.Optional(
      Type.Number({ description: 'Mean cross-entropy on the held-out fold, nats' }),
    ),
  },
  closed,
);

// ---- models

/** The card of a version: everything needed to explain it, stored in the artifact's own header. */
export const Card = Type.Object(
  {
    task: TaskName,
    version: Type.Integer({ minimum: 1 }),
    jobId: JobId,
    createdAt: Timestamp,
    method: Type.Enum(['head']),
    labels: Type.Array(Label),
    examples: Type.Integer(),
    examplesPerLabel: Type.Record(Type.String(), Type.Integer()),
    baseSha256: Sha256,
    dataSha256: Sha256,
    recipe: Type.Object(
      {
        l2: Type.Number({ description: 'The L2 penalty chosen by cross-validation' }),
        folds: Type.Integer(),
        seed: Type.Integer(),
        temperature: Type.Number({ description: 'Logits are divided by this; fitted on held-out folds' }),
      },
      closed,
    ),
    seconds: Type.Object({ embed: Type.Number(), fit: Type.Number() }, closed),
    gate: GateDecision,
  },
  closed,
);
export const ModelVersion = Type.Object(
  {
    version: Type.Integer(),
    live: Type.Boolean(),
    adapterSha256: Sha256,
    adapterBytes: Type.Integer(),
    card: Card,
  },
  closed,
);
export const AliasEntry = Type.Object(
  {
    version: Type.Integer(),
    at: Timestamp,
    by: Type.String({ description: 'The job or key that switched it' }),
    reason: Type.Enum(['gate', 'rollback']),
  },
  closed,
);
export const Model = Type.Object(
  {
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    examples: Type.Integer(),
    versions: Type.Integer(),
    live: Nullable(ModelVersion),
    history: Type.Array(AliasEntry, { description: 'Switches of `live`, newest first' }),
  },
  closed,
);
export const ModelSummary = Type.Object({ tenantId: TenantId, task: TaskName, user: UserId }, closed);
export const Rollback = Type.Object(
  {
    version: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Left out: the version that was live before this one' }),
    ),
  },
  closed,
);

// ---- predictions

export const PredictRequest = Type.Object(
  { inputs: Type.Array(Type.String(), { minItems: 1, examples: [['Your parcel is at the door']] }) },
  closed,
);
export const Prediction = Type.Object(
  {
    label: Nullable(Label),
    probability: Type.Number({ description: 'Calibrated probability of the most likely label' }),
    probabilities: Type.Record(Type.String(), Type.Number()),
    abstained: Type.Boolean({
      description: 'True when `probability` is below the task’s `abstainBelow`; label is null',
    }),
  },
  closed,
);
export const PredictResponse = Type.Object(
  {
    predictions: Type.Array(Prediction),
    source: Type.Enum(['model', 'zero-shot']),
    version: Nullable(Type.Integer()),
    adapterSha256: Nullable(Sha256),
    baseSha256: Sha256,
  },
  closed,
);

// ---- webhooks

export const WebhookEventType = Type.Enum(['job.succeeded', 'job.failed', 'job.cancelled']);
export const WebhookCreate = Type.Object(
  {
    url: Type.String({ maxLength: 2_048, format: 'uri', examples: ['https://example.com/hooks/scion'] }),
    events: Type.Optional(Type.Array(WebhookEventType, { minItems: 1, uniqueItems: true })),
  },
  closed,
);
export const Webhook = Type.Object(
  { id: WebhookId, url: Type.String(), events: Type.Array(WebhookEventType), createdAt: Timestamp },
  closed,
);
export const WebhookCreated = Type.Object(
  {
    ...Webhook.properties,
    secret: Type.String({ description: 'Standard Webhooks secret (`whsec_…`), shown this once' }),
  },
  closed,
);
export const Delivery = Type.Object(
  {
    id: Type.String(),
    eventId: Type.String(),
    type: WebhookEventType,
    attempt: Type.Integer(),
    at: Timestamp,
    ok: Type.Boolean(),
    status: Nullable(Type.Integer({ description: 'HTTP status, null when no answer came' })),
    latencyMs: Type.Number(),
    error: Nullable(Type.String()),
  },
  closed,
);
/** What a webhook posts, per Standard Webhooks: `type`, `timestamp`, `data`; the event id is the `webhook-id` header. */
export const WebhookPayload = Type.Object(
  { type: WebhookEventType, timestamp: Timestamp, data: Job },
  closed,
);

// ---- system (operators)

export const CacheState = Type.Object(
  {
    bytes: Type.Integer(),
    budgetBytes: Type.Integer(),
    entries: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
    loads: Type.Integer(),
    evictions: Type.Integer(),
    resident: Type.Array(
      Type.Object(
        { tenantId: TenantId, task: TaskName, user: UserId, version: Type.Integer(), bytes: Type.Integer() },
        closed,
      ),
      { description: 'Hottest first, at most 100' },
    ),
  },
  closed,
);
export const SystemState = Type.Object(
  {
    version: Type.String(),
    startedAt: Timestamp,
    base: Type.Object(
      {
        name: Type.String(),
        sha256: Sha256,
        hiddenSize: Type.Integer(),
        layers: Type.Integer(),
        provider: Type.String(),
      },
      closed,
    ),
    threads: Type.Integer(),
    cache: CacheState,
    queue: Type.Object(
      { waiting: Type.Integer(), active: Type.Integer(), delayed: Type.Integer(), failed: Type.Integer() },
      closed,
    ),
    workers: Type.Integer(),
  },
  closed,
);

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    code: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          { path: Type.String(), message: Type.String(), code: Type.Optional(Type.String()) },
          closed,
        ),
      ),
    ),
  },
  { additionalProperties: true, description: 'RFC 9457 problem document' },
);

export type Tenant = Static<typeof Tenant>;
export type TenantCreate = Static<typeof TenantCreate>;
export type Scope = Static<typeof Scope>;
export type Key = Static<typeof Key>;
export type KeyCreate = Static<typeof KeyCreate>;
export type KeyCreated = Static<typeof KeyCreated>;
export type TaskSpec = Static<typeof TaskSpec>;
export type Task = Static<typeof Task>;
export type ExampleInput = Static<typeof ExampleInput>;
export type Example = Static<typeof Example>;
export type ExamplesAppended = Static<typeof ExamplesAppended>;
export type JobState = Static<typeof JobState>;
export type JobStage = Static<typeof JobStage>;
export type Metrics = Static<typeof Metrics>;
export type GateDecision = Static<typeof GateDecision>;
export type JobFailure = Static<typeof JobFailure>;
export type Job = Static<typeof Job>;
export type JobCreate = Static<typeof JobCreate>;
export type JobEvent = Static<typeof JobEvent>;
export type Card = Static<typeof Card>;
export type ModelVersion = Static<typeof ModelVersion>;
export type AliasEntry = Static<typeof AliasEntry>;
export type Model = Static<typeof Model>;
export type ModelSummary = Static<typeof ModelSummary>;
export type Prediction = Static<typeof Prediction>;
export type PredictResponse = Static<typeof PredictResponse>;
export type WebhookEventType = Static<typeof WebhookEventType>;
export type WebhookCreate = Static<typeof WebhookCreate>;
export type Webhook = Static<typeof Webhook>;
export type WebhookCreated = Static<typeof WebhookCreated>;
export type Delivery = Static<typeof Delivery>;
export type WebhookPayload = Static<typeof WebhookPayload>;
export type CacheState = Static<typeof CacheState>;
export type SystemState = Static<typeof SystemState>;
export type Problem = Static<typeof Problem>;
/** A page of rows; `nextCursor` is null on the last one. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
}
/** The three names that make a model. */
export interface ModelRef {
  tenantId: string;
  task: string;
  user: string;
}
