/**
 * What crosses a process boundary: schemas, ids and problems. Imports nothing of ours and does no I/O. Loading the schemas
 * takes half a second, which a command line should not cost: `/errors` and `/limits` come without them.
 */
export { type Clock, dayMs, dayOf, timestamp } from './clock.js';
export { errorForLog, type LoggedError } from './error-for-log.js';
export { AppError, type AppErrorOptions, type FieldError, type ProblemCode, problems } from './errors.js';
export { createIds, type IdKind, idOfTime, idPattern, idPrefixes, type NewId, timeOfId } from './ids.js';
export { kindOfAnswer, requireKind } from './kind-of-answer.js';
export { limits } from './limits.js';
export { type MissingExamples, missingExamples } from './missing-examples.js';
export { peftConfig } from './peft-config.js';
export { AuditEntry, AuditQuery } from './schemas/audit.js';
export { Erasure, ErasureKept, ErasureProof, ErasureReceipt, SigningKey } from './schemas/erasures.js';
export { Compaction, Example, ExampleInput, ExamplesAppend, ExamplesAppended } from './schemas/examples.js';
export {
  GateDecision,
  Job,
  JobCreate,
  JobEvent,
  JobFailure,
  JobLogLine,
  JobPriority,
  JobStage,
  JobState,
  JobsQuery,
  Metrics,
} from './schemas/jobs.js';
export {
  AliasEntry,
  Card,
  Collection,
  Evaluation,
  LoraRecipe,
  Model,
  ModelSummary,
  ModelsQuery,
  ModelVersion,
  Promotion,
  Rollback,
} from './schemas/models.js';
export { Alert, Overview, OverviewQuery, WorkerState } from './schemas/overview.js';
export {
  LabelsPrediction,
  Prediction,
  PredictionSource,
  PredictRequest,
  PredictResponse,
  PredictUsersRequest,
  PredictUsersResponse,
  Prefetched,
  PrefetchRequest,
  UserAnswer,
  ValuePrediction,
} from './schemas/predictions.js';
export {
  Answer,
  JobId,
  KeyId,
  Label,
  type ModelRef,
  Page,
  PageQuery,
  Sha256,
  TaskKind,
  TaskName,
  TenantId,
  TimeRange,
  Timestamp,
  UserId,
  WebhookId,
} from './schemas/primitives.js';
export { Problem } from './schemas/problem.js';
export { Session } from './schemas/sessions.js';
export { CacheState, ProcessCache, SystemState } from './schemas/system.js';
export { defaultRetention, Retention, Retrain, Task, TaskSpec, Untrained } from './schemas/tasks.js';
export {
  Key,
  KeyCreate,
  KeyCreated,
  KeyRotate,
  Quotas,
  Scope,
  Tenant,
  TenantCreate,
} from './schemas/tenants.js';
export { Method, Training } from './schemas/training.js';
export { Usage, UsageDay, UsageQuery } from './schemas/usage.js';
export {
  Delivery,
  DeliveryOrdered,
  ModelChange,
  QuotaExceeded,
  SecretRotation,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookDisabled,
  type WebhookEvent,
  WebhookEventType,
  type WebhookPayload,
} from './schemas/webhooks.js';
export {
  ArchivedSwitch,
  ArchivedVersion,
  ArchiveHead,
  ArchiveManifest,
  archiveInvalid,
  parseArchived,
  UserImported,
} from './user-archive.js';
