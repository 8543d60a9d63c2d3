/** Webhooks and their deliveries. */
import { type Static, Type } from 'typebox';
import { Job } from './jobs.js';
import { closed, Nullable, Timestamp, WebhookId } from './primitives.js';

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

export type WebhookEventType = Static<typeof WebhookEventType>;
export type WebhookCreate = Static<typeof WebhookCreate>;
export type Webhook = Static<typeof Webhook>;
export type WebhookCreated = Static<typeof WebhookCreated>;
export type Delivery = Static<typeof Delivery>;
export type WebhookPayload = Static<typeof WebhookPayload>;
