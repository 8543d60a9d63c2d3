/** The client for Scion's REST API. Owns retries, paging and event streams; runs on web standards alone and stores nothing. */

export type {
  Alert,
  AliasEntry,
  AuditEntry,
  CacheState,
  Card,
  Collection,
  Compaction,
  Delivery,
  DeliveryOrdered,
  Erasure,
  ErasureKept,
  ErasureProof,
  ErasureReceipt,
  Example,
  ExampleInput,
  ExamplesAppended,
  FieldError,
  GateDecision,
  Job,
  JobCreate,
  JobEvent,
  JobFailure,
  JobLogLine,
  JobStage,
  JobState,
  Key,
  KeyCreate,
  KeyCreated,
  Metrics,
  Model,
  ModelChange,
  ModelRef,
  ModelSummary,
  ModelVersion,
  Overview,
  Page,
  Prediction,
  PredictResponse,
  PredictUsersResponse,
  ProblemCode,
  ProcessCache,
  QuotaExceeded,
  Quotas,
  Retention,
  Scope,
  Session,
  SigningKey,
  SystemState,
  Task,
  TaskSpec,
  Tenant,
  TenantCreate,
  Usage as UsageReport,
  UsageDay,
  UserAnswer,
  UserImported,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookDisabled,
  WebhookEventType,
  WebhookPayload,
  WorkerState,
} from '@scion/contracts';
export { batches } from './batches.js';
export { type Client, type ClientOptions, createClient } from './client.js';
export {
  type Curve,
  type CurveBook,
  createCurveBook,
  type DrawCurvesOptions,
  drawCurves,
} from './curves.js';
export { isScionError, ScionError, type ScionErrorCode } from './errors.js';
export {
  type Callback,
  EarlyStopping,
  type EarlyStoppingOptions,
  type LivePlotOptions,
  livePlot,
  progressBar,
  type Run,
} from './estimator/callbacks.js';
export type { History } from './estimator/history.js';
export {
  type CrossValidateOptions,
  type CrossValidation,
  type FitOptions,
  type Grid,
  type GridResult,
  Personalizer,
  type PersonalizerOptions,
  type PersonalizerParams,
} from './estimator/personalizer.js';
export { addJobEvent, isFinished, type JobEventsOptions } from './job-events.js';
export type { JobMetric } from './job-metrics.js';
export type { OverviewQuery, WatchOptions } from './overview-stream.js';
export type { PageOptions, PagePromise } from './pages.js';
export type { Audit, AuditQuery } from './resources/audit.js';
export type { Examples } from './resources/examples.js';
export type { Jobs, JobsQuery, JobWaitOptions } from './resources/jobs.js';
export type { Keys } from './resources/keys.js';
export type { Models, ModelsQuery } from './resources/models.js';
export type { Predict, PredictInput, PredictUsers, PredictUsersInput } from './resources/predict.js';
export type { Sessions } from './resources/session.js';
export type { System } from './resources/system.js';
export type { Tasks } from './resources/tasks.js';
export type { Tenants } from './resources/tenants.js';
export type { Usage } from './resources/usage.js';
export type { Users } from './resources/users.js';
export type { Webhooks } from './resources/webhooks.js';
export type { CallOptions } from './transport.js';
export {
  type UnwrapOptions,
  unwrapWebhook,
  type WebhookEvent,
  type WebhookHeaders,
} from './unwrap-webhook.js';
