import type { Clock, Webhook, WebhookEvent } from '@scion/contracts';
import { type Queue, trainingPayload } from '@scion/queue';
import type { Registry } from '@scion/registry';
import { disabledEventId, type Webhooks } from '@scion/webhooks';
import { everyRow } from './every-row.js';

export interface RecoverDeps {
  registry: Pick<Registry, 'tenants' | 'webhooks' | 'jobs' | 'events'>;
  queue: Pick<Queue, 'enqueueTraining'>;
  webhooks: Pick<Webhooks, 'emit' | 'orderAgain'>;
  clock: Clock;
}

/** Retries of a delivery end after about a day; what ended before then has had its chance. */
const announceWithinMs = 25 * 3_600_000;
/** Jobs are listed by creation; one that waited longer than this before it ended is not looked for. */
const waitedAtMostMs = announceWithinMs;
/** What happened so long before Redis was whole may have reached it later: clocks differ, and a record comes first. */
const unsureMs = 5 * 60_000;

/** Puts every unfinished job back into the queue; those that are there stay as they are. Returns how many there are. */
export async function enqueueUnfinished({ registry, queue }: RecoverDeps): Promise<number> {
  let count = 0;
  for await (const job of registry.jobs.unfinished()) {
    await queue.enqueueTraining(trainingPayload(job));
    count += 1;
  }
  return count;
}

/** Orders again what tasks want at moments of their own. Returns how many do. */
export async function scheduleTasks({
  registry,
  queue,
}: {
  registry: Pick<Registry, 'tenants' | 'tasks'>;
  queue: Pick<Queue, 'scheduleTask'>;
}): Promise<number> {
  let count = 0;
  for await (const { id: tenantId } of everyRow((page) => registry.tenants.list(page))) {
    for await (const { name: task, retrain } of everyRow((page) => registry.tasks.list(tenantId, page))) {
      if (retrain?.schedule === undefined) continue;
      await queue.scheduleTask({ tenantId, task }, retrain.schedule);
      count += 1;
    }
  }
  return count;
}

/**
 * Orders again the deliveries that a lost Redis took with it: events that a webhook wants and whose delivery log shows no
 * success, of the last day, or since Redis was last known to lack nothing. An event that was given up may be tried once
 * more. Returns how many ends of jobs and other events were announced.
 */
export async function announceAgain(
  { registry, webhooks, clock }: RecoverDeps,
  wholeAtMs = 0,
): Promise<number> {
  let count = 0;
  const oldestMs = Math.max(clock() - announceWithinMs, wholeAtMs - unsureMs);
  const oldest = new Date(oldestMs).toISOString();
  const oldestCreated = new Date(oldestMs - waitedAtMostMs).toISOString();
  for await (const tenant of everyRow((page) => registry.tenants.list(page))) {
    const arrived = new Map<string, Set<string>>();
    const disabled = new Map<string, WebhookEvent>();
    for await (const webhook of everyRow((page) => registry.webhooks.list(tenant.id, page))) {
      arrived.set(webhook.id, await arrivedEvents(registry, tenant.id, webhook, oldest));
      if (webhook.disabledAt === null || webhook.disabledAt < oldest) continue;
      const event = await disabledEvent(registry, tenant.id, webhook);
      if (event) disabled.set(event.id, event);
    }
    if (arrived.size === 0) continue;
    const lacksAt =
      (at: string) =>
      (webhook: Webhook, eventId: string): boolean =>
        webhook.createdAt <= at && !arrived.get(webhook.id)?.has(eventId);
    const orderAgain = async (event: WebhookEvent): Promise<void> => {
      if ((await webhooks.orderAgain(event, lacksAt(event.timestamp))) > 0) count += 1;
    };
    for (const event of disabled.values()) await orderAgain(event);
    for await (const event of everyRow((page) => registry.events.list(tenant.id, page))) {
      // Ids begin with the time, which may have been rounded down to a day.
      if (event.timestamp < oldestCreated) break;
      if (event.timestamp >= oldest && !disabled.has(event.id)) await orderAgain(event);
    }
    for await (const job of everyRow((page) => registry.jobs.list(tenant.id, page))) {
      if (job.createdAt < oldestCreated) break;
      const { finishedAt } = job;
      if (finishedAt === null || finishedAt < oldest) continue;
      if ((await webhooks.emit(job, lacksAt(finishedAt))) > 0) count += 1;
    }
  }
  return count;
}

/** Found by its id, which begins with the start of an outage: in the list it may stand any number of days back. */
async function disabledEvent(
  { events }: Pick<Registry, 'events'>,
  tenantId: string,
  { id, failingSince, disabledReason }: Webhook,
): Promise<WebhookEvent | undefined> {
  if (failingSince === null || disabledReason === null) return undefined;
  return events.get(tenantId, disabledEventId(id, Date.parse(failingSince), disabledReason));
}

async function arrivedEvents(
  { webhooks }: Pick<Registry, 'webhooks'>,
  tenantId: string,
  webhook: Webhook,
  oldest: string,
): Promise<Set<string>> {
  const arrived = new Set<string>();
  const log = everyRow((page) => webhooks.deliveries(tenantId, webhook.id, page));
  for await (const { eventId, at, ok } of log) {
    if (at < oldest) break;
    if (ok) arrived.add(eventId);
  }
  return arrived;
}
