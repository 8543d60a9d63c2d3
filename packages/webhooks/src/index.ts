/** Owns signing and sending of events to addresses that strangers choose; refuses to store, queue or time retries. */
export { checkWebhookUrl, type UrlRules } from './check-url.js';
export { disabledEventId, eventIdOf } from './event-id.js';
export type { Resolve } from './resolve-host.js';
export {
  createSend,
  type OutgoingRequest,
  type Send,
  type SendFailure,
  type SendOptions,
  type SendResult,
} from './send.js';
export {
  type Also,
  createWebhooks,
  type DeliveryOrder,
  type DeliveryOutcome,
  type Webhooks,
  type WebhooksOptions,
} from './webhooks.js';
