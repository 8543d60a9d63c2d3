import type {
  Delivery,
  DeliveryOrdered,
  Page,
  Webhook,
  WebhookCreate,
  WebhookCreated,
} from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';
import {
  type UnwrapOptions,
  unwrapWebhook,
  type WebhookEvent,
  type WebhookHeaders,
} from '../unwrap-webhook.js';

/** Where events are posted; needs scope `admin`. */
export interface Webhooks {
  /** The answer holds the signing secret, which no later call shows again. */
  create(webhook: WebhookCreate, options?: CallOptions): Promise<WebhookCreated>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Webhook>;
  get(webhookId: string, options?: CallOptions): Promise<Webhook>;
  /**
   * Makes a new signing secret, which the answer alone holds. For `overlapSeconds` (a day when left out) messages carry
   * the signature of the one before as well.
   */
  rotateSecret(
    webhookId: string,
    options?: CallOptions & { overlapSeconds?: number | undefined },
  ): Promise<WebhookCreated>;
  /** Orders one test message; `deliveries` shows what came of it. */
  ping(webhookId: string, options?: CallOptions): Promise<DeliveryOrdered>;
  /** Takes a disabled webhook into use again. */
  enable(webhookId: string, options?: CallOptions): Promise<Webhook>;
  delete(webhookId: string, options?: CallOptions): Promise<void>;
  /** One row per attempt, newest first. */
  deliveries(webhookId: string, page?: PageOptions, options?: CallOptions): PagePromise<Delivery>;
  /**
   * Verifies a delivery that your endpoint received, and returns its event; sends nothing. `body` is the bytes as they
   * arrived. Rejects with `webhook_invalid`. `unwrapWebhook` is the same without a client.
   */
  unwrap(
    body: string | Uint8Array,
    headers: WebhookHeaders,
    secret: string | readonly string[],
    options?: UnwrapOptions,
  ): Promise<WebhookEvent>;
  /** Sends the event of a delivery again, under the same event id. */
  replay(webhookId: string, deliveryId: string, options?: CallOptions): Promise<DeliveryOrdered>;
}

export function createWebhooks({ request, config }: Transport): Webhooks {
  return {
    unwrap: (body, headers, secret, options) =>
      unwrapWebhook(body, headers, secret, { clock: config.clock, ...options }),
    create: (body, options) => request({ method: 'POST', path: '/v1/webhooks', body, options }),
    list: ({ cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Webhook>>({
            method: 'GET',
            path: '/v1/webhooks',
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    get: (webhookId, options) => request({ method: 'GET', path: path`/v1/webhooks/${webhookId}`, options }),
    rotateSecret: (webhookId, { overlapSeconds, ...options } = {}) =>
      request({
        method: 'POST',
        path: path`/v1/webhooks/${webhookId}/rotate-secret`,
        body: { overlapSeconds },
        options,
      }),
    ping: (webhookId, options) =>
      request({ method: 'POST', path: path`/v1/webhooks/${webhookId}/ping`, idempotent: true, options }),
    enable: (webhookId, options) =>
      request({ method: 'POST', path: path`/v1/webhooks/${webhookId}/enable`, idempotent: true, options }),
    delete: (webhookId, options) =>
      request({ method: 'DELETE', path: path`/v1/webhooks/${webhookId}`, options }),
    deliveries: (webhookId, { cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Delivery>>({
            method: 'GET',
            path: path`/v1/webhooks/${webhookId}/deliveries`,
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    replay: (webhookId, deliveryId, options) =>
      request({
        method: 'POST',
        path: path`/v1/webhooks/${webhookId}/deliveries/${deliveryId}/replay`,
        idempotent: true,
        options,
      }),
  };
}
