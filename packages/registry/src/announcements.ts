/** What is kept of webhooks: where they go, what they told, how it went. */
import type {
  Delivery,
  Page,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookEvent,
  WebhookEventType,
} from '@scion/contracts';
import type { PageRequest } from './page-request.js';

/** A webhook as its sender needs it: the secrets that sign now, the newest first. */
export type WebhookToSend = Webhook & { secrets: string[] };

export interface Webhooks {
  /** Throws quota_exceeded past `limits.webhooksPerTenant`. `events` left out means every type. */
  create(tenantId: string, input: WebhookCreate): Promise<WebhookCreated>;
  list(tenantId: string, page?: PageRequest): Promise<Page<Webhook>>;
  /** Throws webhook_not_found, also for a webhook of another tenant. */
  get(tenantId: string, webhookId: string): Promise<Webhook>;
  /** With its secrets, for the sender only. Throws webhook_not_found. */
  getToSend(tenantId: string, webhookId: string): Promise<WebhookToSend>;
  /** The enabled webhooks that want this type of event, of one of these tasks or of none. */
  subscribed(tenantId: string, type: WebhookEventType, tasks?: string[]): Promise<Webhook[]>;
  /** Makes another secret; the one before signs too for `overlapMs`. Throws webhook_not_found. */
  rotateSecret(tenantId: string, webhookId: string, overlapMs: number): Promise<WebhookCreated>;
  /** Records how attempts go: since when all have failed. Throws webhook_not_found. */
  setFailingSince(tenantId: string, webhookId: string, since: string | null): Promise<void>;
  /** Throws webhook_not_found. The first reason stands. */
  disable(tenantId: string, webhookId: string, reason: string): Promise<Webhook>;
  /** Throws webhook_not_found. */
  enable(tenantId: string, webhookId: string): Promise<Webhook>;
  /** Removes the webhook with its delivery log. Throws webhook_not_found. */
  delete(tenantId: string, webhookId: string): Promise<void>;
  /**
   * Logs one attempt under `delivery.id`; logging it again replaces it. Of a long log the oldest go, down to
   * `limits.deliveriesPerWebhook`. Throws webhook_not_found.
   */
  appendDelivery(tenantId: string, webhookId: string, delivery: Delivery): Promise<void>;
  /** Removes what is older than `limits.deliveryDays`. Returns how many entries. */
  collectDeliveries(tenantId: string): Promise<number>;
  /** Newest first. Throws webhook_not_found. */
  deliveries(tenantId: string, webhookId: string, page?: PageRequest): Promise<Page<Delivery>>;
  /** Throws webhook_not_found and delivery_not_found. */
  delivery(tenantId: string, webhookId: string, deliveryId: string): Promise<Delivery>;
}

/** Events that no job's record tells. Those about a user are kept in the user's folder, and go with it. */
export interface Events {
  /** Keeps an event; doing it again changes nothing. Throws user_not_found for one about a user who was erased. */
  put(event: WebhookEvent): Promise<void>;
  /** Undefined for one that is not, or no longer, there. */
  get(tenantId: string, eventId: string): Promise<WebhookEvent | undefined>;
  /** Newest first. */
  list(tenantId: string, page?: PageRequest): Promise<Page<WebhookEvent>>;
  /** Removes those about no user that are older than `limits.deliveryDays`. Returns how many. */
  collect(tenantId: string): Promise<number>;
}
