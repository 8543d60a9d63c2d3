import {
  AppError,
  type Clock,
  type Delivery,
  type Job,
  type NewId,
  timestamp,
  type Webhook,
  type WebhookEventType,
  type WebhookPayload,
} from '@scion/contracts';
import { eventIdOf } from './event-id.js';
import type { Send } from './send.js';
import { signedHeaders } from './sign.js';

/** One event for one webhook: what waits in the queue. Attempts share the event id. */
export interface DeliveryOrder {
  tenantId: string;
  webhookId: string;
  eventId: string;
  jobId: string;
  type: WebhookEventType;
}

export interface WebhooksOptions {
  /** The registry's webhooks, or anything that remembers like them. Missing ones throw webhook_not_found. */
  records: {
    subscribed(tenantId: string, type: WebhookEventType): Promise<Webhook[]>;
    getWithSecret(tenantId: string, webhookId: string): Promise<Webhook & { secret: string }>;
    appendDelivery(tenantId: string, webhookId: string, delivery: Delivery): Promise<void>;
  };
  /** The record of a finished job, which no longer changes. A missing one throws job_not_found. */
  loadJob(tenantId: string, jobId: string): Promise<Job>;
  /** Must be idempotent by event and webhook. */
  enqueue(order: DeliveryOrder): Promise<void>;
  send: Send;
  clock: Clock;
  newId: NewId;
}

/** How a delivery ended for good. `gone` is an endpoint that answered 410; `deleted` has no webhook or no job any more. */
export type DeliveryOutcome = 'delivered' | 'gone' | 'deleted';

export interface Webhooks {
  /**
   * Announces the end of a job to every webhook that wants it. Repeating it changes nothing: the event id comes from
   * the job id, and the queue knows event and webhook. Returns how many webhooks it went to: of those that want it, the
   * ones that `also` lets through.
   */
  emit(job: Job, also?: (webhook: Webhook, eventId: string) => boolean): Promise<number>;
  /**
   * Makes one attempt, and logs it. Throws delivery_failed (retryable) unless the endpoint took the event or will
   * never take one; the queue decides when to try again. The same event may arrive more than once, with the same id.
   */
  deliver(order: DeliveryOrder, context: { attempt: number; signal?: AbortSignal }): Promise<DeliveryOutcome>;
}

export function createWebhooks({ records, loadJob, enqueue, send, clock, newId }: WebhooksOptions): Webhooks {
  return {
    async emit(job, also = () => true) {
      const type = eventTypeOf(job);
      const eventId = eventIdOf(job.id);
      const wanting = await records.subscribed(job.tenantId, type);
      const webhooks = wanting.filter((webhook) => also(webhook, eventId));
      for (const { id: webhookId } of webhooks) {
        await enqueue({ tenantId: job.tenantId, webhookId, eventId, jobId: job.id, type });
      }
      return webhooks.length;
    },

    async deliver({ tenantId, webhookId, eventId, jobId, type }, { attempt, signal }) {
      const webhook = await unlessMissing(records.getWithSecret(tenantId, webhookId));
      const job = webhook && (await unlessMissing(loadJob(tenantId, jobId)));
      if (!webhook || !job) return 'deleted';

      const payload: WebhookPayload = { type, timestamp: job.finishedAt ?? job.createdAt, data: job };
      const body = JSON.stringify(payload);
      const at = timestamp(clock);
      const startedAt = performance.now();
      const headers = signedHeaders({ secret: webhook.secret, eventId, at: new Date(at), body });
      const result = await send({ url: webhook.url, headers, body, signal });
      // Interrupted from our side (shutdown): not the endpoint's failure, and not an attempt.
      if (result.error === 'aborted') throw signal?.reason;
      const latencyMs = Math.round((performance.now() - startedAt) * 10) / 10;
      const ok = result.status !== null && result.status >= 200 && result.status < 300;
      const error = ok ? null : (result.error ?? (isRedirect(result.status) ? 'redirect' : 'http_status'));

      const logged = await unlessMissing(
        records
          .appendDelivery(tenantId, webhookId, {
            id: newId('delivery'),
            eventId,
            type,
            attempt,
            at,
            ok,
            status: result.status,
            latencyMs,
            error,
          })
          .then(() => true),
      );
      if (ok) return 'delivered';
      if (!logged) return 'deleted';
      if (result.status === 410) return 'gone';
      throw new AppError(
        'delivery_failed',
        result.status === null
          ? `No answer from the endpoint: ${error}`
          : `The endpoint answered ${result.status}`,
      );
    },
  };
}

function eventTypeOf({ state }: Job): WebhookEventType {
  if (state === 'queued' || state === 'paused' || state === 'running') {
    throw new AppError('internal', 'only a finished job has an event');
  }
  return `job.${state}`;
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400;

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return undefined;
    throw error;
  }
}
