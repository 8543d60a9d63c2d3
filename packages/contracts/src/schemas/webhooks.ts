/** Webhooks, the events they carry, and their deliveries. */
import { type Static, Type } from 'typebox';
import { idPattern } from '../ids.js';
import type { ErasureProof } from './erasures.js';
import { GateDecision, type Job } from './jobs.js';
import { closed, JobId, Nullable, TaskName, TenantId, Timestamp, UserId, WebhookId } from './primitives.js';

export const WebhookEventType = Type.Enum([
  'job.succeeded',
  'job.failed',
  'job.cancelled',
  'model.promoted',
  'model.rejected',
  'model.rolled_back',
  'user.erased',
  'quota.exceeded',
  'webhook.disabled',
]);
export const WebhookCreate = Type.Object(
  {
    url: Type.String({ maxLength: 2_048, format: 'uri', examples: ['https://example.com/hooks/scion'] }),
    events: Type.Optional(
      Type.Array(WebhookEventType, { minItems: 1, uniqueItems: true, description: 'Left out: every type' }),
    ),
    tasks: Type.Optional(
      Type.Array(TaskName, {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: 'Only events of these tasks, and those of no task. Left out: every task.',
      }),
    ),
  },
  closed,
);
export const Webhook = Type.Object(
  {
    id: WebhookId,
    url: Type.String(),
    events: Type.Array(WebhookEventType),
    tasks: Nullable(Type.Array(TaskName)),
    state: Type.Enum(['enabled', 'disabled'], {
      description: 'Disabled after three days of failures alone, or when the endpoint answers 410',
    }),
    disabledAt: Nullable(Timestamp),
    disabledReason: Nullable(Type.String()),
    failingSince: Nullable({ ...Timestamp, description: 'Since when no attempt has succeeded' }),
    previousSecretUntil: Nullable({
      ...Timestamp,
      description: 'Until then messages carry the signature of the secret before the rotation too',
    }),
    createdAt: Timestamp,
  },
  closed,
);
export const WebhookCreated = Type.Object(
  {
    ...Webhook.properties,
    secret: Type.String({ description: 'Standard Webhooks secret (`whsec_…`), shown this once' }),
  },
  closed,
);
export const SecretRotation = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604_800,
        default: 86_400,
        description: 'For this long messages carry the signatures of both secrets',
      }),
    ),
  },
  closed,
);
const DeliveredType = Type.Enum([...WebhookEventType.enum, 'ping']);
export const Delivery = Type.Object(
  {
    id: Type.String(),
    eventId: Type.String(),
    type: DeliveredType,
    jobId: Type.Optional({ ...JobId, description: 'Of events that a job’s record tells' }),
    attempt: Type.Integer(),
    at: Timestamp,
    ok: Type.Boolean(),
    status: Nullable(Type.Integer({ description: 'HTTP status, null when no answer came' })),
    latencyMs: Type.Number(),
    error: Nullable(Type.String()),
  },
  closed,
);
/** A delivery that was ordered: the log shows what comes of it. */
export const DeliveryOrdered = Type.Object(
  { eventId: Type.String({ pattern: idPattern('event') }), type: DeliveredType },
  closed,
);

/** A switch of `live`, or the gate’s refusal to make one. */
export const ModelChange = Type.Object(
  {
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    version: Type.Integer(),
    by: Type.String({ description: 'The job or key that did it' }),
    gate: Nullable({
      ...GateDecision,
      description: 'How the version was judged; null when a person decided',
    }),
  },
  closed,
);
export const QuotaExceeded = Type.Object(
  {
    tenantId: TenantId,
    quota: Type.String({ description: 'Which one, e.g. `predictRowsPerMinute`' }),
    limit: Type.Number(),
    period: {
      ...Timestamp,
      description: 'Start of the minute or day it was used up in: of one period there is one event',
    },
  },
  closed,
);
export const WebhookDisabled = Type.Object(
  { webhookId: WebhookId, url: Type.String(), reason: Type.String() },
  closed,
);

export type WebhookEventType = Static<typeof WebhookEventType>;
export type WebhookCreate = Static<typeof WebhookCreate>;
export type Webhook = Static<typeof Webhook>;
export type WebhookCreated = Static<typeof WebhookCreated>;
export type Delivery = Static<typeof Delivery>;
export type DeliveryOrdered = Static<typeof DeliveryOrdered>;
export type ModelChange = Static<typeof ModelChange>;
export type QuotaExceeded = Static<typeof QuotaExceeded>;
export type WebhookDisabled = Static<typeof WebhookDisabled>;

/** What each type of event tells. */
interface EventData {
  'job.succeeded': Job;
  'job.failed': Job;
  'job.cancelled': Job;
  'model.promoted': ModelChange;
  'model.rejected': ModelChange;
  'model.rolled_back': ModelChange;
  'user.erased': ErasureProof;
  'quota.exceeded': QuotaExceeded;
  'webhook.disabled': WebhookDisabled;
  ping: { webhookId: string };
}
/** What a webhook posts, per Standard Webhooks; the event id is the `webhook-id` header. */
export type WebhookPayload<T extends keyof EventData = keyof EventData> = {
  [Type in T]: { type: Type; timestamp: string; data: EventData[Type] };
}[T];

/** An event that no job's record tells, as it is kept to be sent, and sent again. */
export type WebhookEvent = WebhookPayload<
  Exclude<keyof EventData, 'job.succeeded' | 'job.failed' | 'job.cancelled' | 'ping'>
> & { id: string; tenantId: string };
