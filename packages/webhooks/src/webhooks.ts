import {
  AppError,
  type Clock,
  type Delivery,
  type Job,
  type ModelChange,
  type NewId,
  type QuotaExceeded,
  timestamp,
  type Webhook,
  type WebhookEvent,
  type WebhookEventType,
  type WebhookPayload,
} from '@scion/contracts';
import { disabledEventId, eventIdFrom } from './event-id.js';
import { eventsOf, payloadOf } from './job-payloads.js';
import type { Send } from './send.js';
import { signedHeaders } from './sign.js';

/** One event for one webhook: what waits in the queue, without a name. Attempts share the event id. */
export interface DeliveryOrder {
  tenantId: string;
  webhookId: string;
  eventId: string;
  type: WebhookPayload['type'];
  /** The job whose record tells the event; without one the event is an object of its own, or a ping. */
  jobId?: string;
  /** Of a ping, which is kept nowhere. */
  at?: string;
}

type ToSend = Webhook & { secrets: string[] };

export interface WebhooksOptions {
  /** The registry's webhooks, or anything that remembers like them. Missing ones throw webhook_not_found. */
  records: {
    subscribed(tenantId: string, type: WebhookEventType, tasks?: string[]): Promise<Webhook[]>;
    getToSend(tenantId: string, webhookId: string): Promise<ToSend>;
    appendDelivery(tenantId: string, webhookId: string, delivery: Delivery): Promise<void>;
    /** A moment that is set already stays, until null. */
    setFailingSince(tenantId: string, webhookId: string, since: string | null): Promise<void>;
    disable(tenantId: string, webhookId: string, reason: string): Promise<Webhook>;
  };
  /** The registry's events: what no job's record tells. */
  events: {
    /** One about a user who was erased throws user_not_found. */
    put(event: WebhookEvent): Promise<void>;
    get(tenantId: string, eventId: string): Promise<WebhookEvent | undefined>;
  };
  /** The record of a finished job, which no longer changes. A missing one throws job_not_found. */
  loadJob(tenantId: string, jobId: string): Promise<Job>;
  /** Must be idempotent by event and webhook. */
  enqueue(order: DeliveryOrder): Promise<void>;
  send: Send;
  clock: Clock;
  newId: NewId;
}

/**
 * How a delivery ended for good. `gone` is an endpoint that answered 410; `deleted` has no webhook or nothing to tell
 * any more; `disabled` was not sent; `refused` is a ping that failed, which nobody tries again.
 */
export type DeliveryOutcome = 'delivered' | 'gone' | 'deleted' | 'disabled' | 'refused';

/** Lets through the webhooks that shall be told, when an event may be announced again. */
export type Also = (webhook: Webhook, eventId: string) => boolean;

export interface Webhooks {
  /**
   * Announces the end of a job, and what became of its version, to every webhook that wants it. Repeating it changes
   * nothing: the event ids come from the job id, and the queue knows event and webhook. Returns how many deliveries
   * were ordered.
   */
  emit(job: Job, also?: Also): Promise<number>;
  /**
   * Keeps an event that no job tells, and orders its deliveries; repeating it changes nothing. Throws user_not_found for
   * one about a user who was erased.
   */
  announce(event: WebhookEvent): Promise<number>;
  /** Orders the deliveries of an event that is kept, and writes nothing: its user may be erased meanwhile. */
  orderAgain(event: WebhookEvent, also: Also): Promise<number>;
  /** Announces a switch of `live` that a person made, as `announce` does. `seq` numbers the switches of the model. */
  announceSwitch(
    type: 'model.promoted' | 'model.rolled_back',
    change: Omit<ModelChange, 'gate'> & { at: string; seq: number },
  ): Promise<number>;
  /** Announces that a quota was used up: once a period, however often it is said. Kept only where a webhook wants it. */
  announceQuota(exceeded: QuotaExceeded & { at: string }): Promise<number>;
  /** Orders one message that says nothing, also to a disabled webhook. */
  ping(tenantId: string, webhookId: string): Promise<DeliveryOrder>;
  /**
   * Makes one attempt, and logs it. Throws delivery_failed (retryable) unless the endpoint took the event or will
   * never take one; the queue decides when to try again. The same event may arrive more than once, with the same id.
   * An endpoint that fails for three days on end, or answers 410, is disabled, and others are told.
   */
  deliver(order: DeliveryOrder, context: { attempt: number; signal?: AbortSignal }): Promise<DeliveryOutcome>;
}

const disableAfterMs = 3 * 86_400_000;
/** Quota events that a process remembers to have announced. */
const saidMax = 1_000;

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { records, events, loadJob, enqueue, send, clock, newId } = options;
  const said = new Set<string>();

  async function order(
    event: Pick<DeliveryOrder, 'tenantId' | 'eventId' | 'jobId'> & { type: WebhookEventType },
    tasks: string[],
    also: Also,
  ): Promise<number> {
    const wanting = await records.subscribed(event.tenantId, event.type, tasks);
    const webhooks = wanting.filter((webhook) => also(webhook, event.eventId));
    for (const { id: webhookId } of webhooks) await enqueue({ ...event, webhookId });
    return webhooks.length;
  }

  async function announce(event: WebhookEvent, also: Also = () => true): Promise<number> {
    await events.put(event);
    return orderAgain(event, also);
  }

  async function orderAgain(event: WebhookEvent, also: Also): Promise<number> {
    const { tenantId, id: eventId, type, data } = event;
    return order(
      { tenantId, eventId, type },
      'task' in data ? [data.task] : 'tasks' in data ? data.tasks : [],
      also,
    );
  }

  async function payloadFor({ tenantId, webhookId, eventId, jobId, type, at }: DeliveryOrder) {
    if (type === 'ping') return { type, timestamp: at ?? timestamp(clock), data: { webhookId } };
    if (jobId !== undefined) {
      const job = await unlessMissing(loadJob(tenantId, jobId));
      return job && payloadOf(job, type);
    }
    const event = await events.get(tenantId, eventId);
    return event && { type: event.type, timestamp: event.timestamp, data: event.data };
  }

  /** Tells before it disables: a death in between disables again, and tells under the same id. */
  async function disable(tenantId: string, { id: webhookId, url, failingSince }: Webhook, reason: string) {
    const sinceMs = failingSince === null ? clock() : Date.parse(failingSince);
    await announce(
      {
        ...{ id: disabledEventId(webhookId, sinceMs, reason), tenantId, type: 'webhook.disabled' },
        ...{ timestamp: timestamp(clock), data: { webhookId, url, reason } },
      },
      (webhook) => webhook.id !== webhookId,
    );
    await records.disable(tenantId, webhookId, reason);
  }

  /** The first of the attempts that learn of it marks the moment: all of them, and one after a death, tell under its id. */
  async function disableGone(tenantId: string, webhookId: string, at: string): Promise<void> {
    await records.setFailingSince(tenantId, webhookId, at);
    const webhook = await records.getToSend(tenantId, webhookId);
    await disable(tenantId, webhook, 'The endpoint answered 410 Gone.');
  }

  async function judge(tenantId: string, webhook: Webhook, ok: boolean, at: string): Promise<void> {
    if (ok) {
      if (webhook.failingSince !== null) await records.setFailingSince(tenantId, webhook.id, null);
    } else if (webhook.failingSince === null) await records.setFailingSince(tenantId, webhook.id, at);
    else if (Date.parse(at) - Date.parse(webhook.failingSince) >= disableAfterMs) {
      await disable(tenantId, webhook, `Every attempt has failed since ${webhook.failingSince}.`);
    }
  }

  return {
    async emit(job, also = () => true) {
      let count = 0;
      for (const { eventId, type } of eventsOf(job)) {
        count += await order(
          { tenantId: job.tenantId, eventId, type: type as WebhookEventType, jobId: job.id },
          [job.task],
          also,
        );
      }
      return count;
    },
    announce: (event) => announce(event),
    orderAgain,
    async announceSwitch(type, { at, seq, ...change }) {
      const { tenantId, task, user } = change;
      const id = eventIdFrom(Date.parse(at), tenantId, task, user, String(seq));
      return announce({ id, tenantId, type, timestamp: at, data: { ...change, gate: null } });
    },
    async announceQuota({ at, ...data }) {
      const { tenantId, quota, period } = data;
      const id = eventIdFrom(Date.parse(period), tenantId, quota, period);
      // Every refused request says it.
      if (said.has(id)) return 0;
      said.add(id);
      if (said.size > saidMax) said.delete([...said][0] as string);
      try {
        // A period can be a minute, and an event that no webhook wants is read by nobody.
        if ((await records.subscribed(tenantId, 'quota.exceeded')).length === 0) return 0;
        return await announce({ id, tenantId, type: 'quota.exceeded', timestamp: at, data });
      } catch (error) {
        // The next refusal says it again.
        said.delete(id);
        throw error;
      }
    },
    async ping(tenantId, webhookId) {
      await records.getToSend(tenantId, webhookId);
      const order: DeliveryOrder = {
        ...{ tenantId, webhookId, eventId: newId('event'), type: 'ping', at: timestamp(clock) },
      };
      await enqueue(order);
      return order;
    },
    async deliver(order, { attempt, signal }) {
      const { tenantId, webhookId, eventId, type, jobId } = order;
      const webhook = await unlessMissing(records.getToSend(tenantId, webhookId));
      if (webhook?.state === 'disabled' && type !== 'ping') return 'disabled';
      const payload = webhook && (await payloadFor(order));
      if (!webhook || !payload) return 'deleted';
      const body = JSON.stringify(payload);
      const at = timestamp(clock);
      const startedAt = performance.now();
      const headers = signedHeaders({ secrets: webhook.secrets, eventId, at: new Date(at), body });
      const result = await send({ url: webhook.url, headers, body, signal });
      // Interrupted from our side (shutdown): not the endpoint's failure, and not an attempt.
      if (result.error === 'aborted') throw signal?.reason;
      const latencyMs = Math.round((performance.now() - startedAt) * 10) / 10;
      const ok = result.status !== null && result.status >= 200 && result.status < 300;
      const error = ok ? null : (result.error ?? (isRedirect(result.status) ? 'redirect' : 'http_status'));
      const delivery: Delivery = {
        ...{ id: newId('delivery'), eventId, type, ...(jobId !== undefined && { jobId }) },
        ...{ attempt, at, ok, status: result.status, latencyMs, error },
      };
      const logged = await unlessMissing(
        records.appendDelivery(tenantId, webhookId, delivery).then(() => true),
      );
      if (type === 'ping') return ok ? 'delivered' : 'refused';
      if (logged && result.status === 410) {
        await unlessMissing(disableGone(tenantId, webhookId, at));
        return 'gone';
      }
      if (logged) await unlessMissing(judge(tenantId, webhook, ok, at));
      if (ok) return 'delivered';
      if (!logged) return 'deleted';
      throw new AppError(
        'delivery_failed',
        result.status === null
          ? `No answer from the endpoint: ${error}`
          : `The endpoint answered ${result.status}`,
      );
    },
  };
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
