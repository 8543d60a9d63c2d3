import type { Delivery, Page, Webhook, WebhookCreate, WebhookCreated } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';
import {
  type UnwrapOptions,
  unwrapWebhook,
  type WebhookEvent,
  type WebhookHeaders,
} from '../unwrap-webhook.js';

/** Where job events are posted; needs scope `admin`. */
export interface Webhooks {
  /** The answer holds the signing secret, which no later call shows again. */
  create(webhook: WebhookCreate, options?: CallOptions): Promise<WebhookCreated>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Webhook>;
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
  };
}
