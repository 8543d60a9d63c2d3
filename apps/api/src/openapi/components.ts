import * as contracts from '@scion/contracts';

/** The schemas that get a name in the document, thus in clients generated from it. */
const named = {
  Alert: contracts.Alert,
  AliasEntry: contracts.AliasEntry,
  AuditEntry: contracts.AuditEntry,
  CacheState: contracts.CacheState,
  ProcessCache: contracts.ProcessCache,
  Card: contracts.Card,
  Collection: contracts.Collection,
  Compaction: contracts.Compaction,
  Delivery: contracts.Delivery,
  DeliveryOrdered: contracts.DeliveryOrdered,
  Erasure: contracts.Erasure,
  ErasureKept: contracts.ErasureKept,
  ErasureProof: contracts.ErasureProof,
  ErasureReceipt: contracts.ErasureReceipt,
  Example: contracts.Example,
  ExampleInput: contracts.ExampleInput,
  ExamplesAppend: contracts.ExamplesAppend,
  ExamplesAppended: contracts.ExamplesAppended,
  GateDecision: contracts.GateDecision,
  Job: contracts.Job,
  JobCreate: contracts.JobCreate,
  JobEvent: contracts.JobEvent,
  JobLogLine: contracts.JobLogLine,
  JobFailure: contracts.JobFailure,
  Key: contracts.Key,
  KeyCreate: contracts.KeyCreate,
  KeyCreated: contracts.KeyCreated,
  KeyRotate: contracts.KeyRotate,
  Metrics: contracts.Metrics,
  Model: contracts.Model,
  ModelSummary: contracts.ModelSummary,
  ModelVersion: contracts.ModelVersion,
  Overview: contracts.Overview,
  PredictRequest: contracts.PredictRequest,
  PredictResponse: contracts.PredictResponse,
  Prediction: contracts.Prediction,
  Problem: contracts.Problem,
  Promotion: contracts.Promotion,
  Quotas: contracts.Quotas,
  Retention: contracts.Retention,
  Rollback: contracts.Rollback,
  Session: contracts.Session,
  SecretRotation: contracts.SecretRotation,
  SigningKey: contracts.SigningKey,
  SystemState: contracts.SystemState,
  Task: contracts.Task,
  TaskSpec: contracts.TaskSpec,
  Tenant: contracts.Tenant,
  TenantCreate: contracts.TenantCreate,
  Usage: contracts.Usage,
  UsageDay: contracts.UsageDay,
  UserImported: contracts.UserImported,
  Webhook: contracts.Webhook,
  WebhookCreate: contracts.WebhookCreate,
  WebhookCreated: contracts.WebhookCreated,
  WorkerState: contracts.WorkerState,
};

const nameBySchema = new Map(Object.entries(named).map(([name, schema]) => [shapeOf(schema), name]));

/** The named schemas, each referring to the others by name. */
export function componentSchemas(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(named).map(([name, schema]) => {
      const plain = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
      const inside = Object.entries(plain).map(([key, value]) => [key, withReferences(value)]);
      return [name, Object.fromEntries(inside)];
    }),
  );
}

/** A copy in which every schema that has a name is a reference to it. */
export function withReferences<T>(node: T): T {
  if (Array.isArray(node)) return node.map(withReferences) as T;
  if (typeof node !== 'object' || node === null) return node;
  const name = 'type' in node ? nameBySchema.get(shapeOf(node)) : undefined;
  if (name) return { $ref: `#/components/schemas/${name}` } as T;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withReferences(value)])) as T;
}

/** Equal for schemas that differ in the order of their members alone. */
function shapeOf(schema: object): string {
  return JSON.stringify(schema, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
