import {
  AppError,
  type Delivery,
  dayMs,
  idOfTime,
  limits,
  timestamp,
  type Webhook,
  WebhookEventType,
} from '@scion/contracts';
import { listAll } from '@scion/store';
import type { Webhooks } from './announcements.js';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import { newWebhookSecret } from './secrets.js';

/** As stored. */
interface WebhookRecord extends Omit<Webhook, 'state' | 'previousSecretUntil'> {
  secret: string;
  /** The secret before the last rotation, which signs too until then. */
  previous: { secret: string; until: string } | null;
}

/** So that only one attempt in so many waits for a removal. */
const trimmedAtOnce = 50;

const missing = (): AppError => new AppError('webhook_not_found', 'No webhook has this id.');

export function createWebhooks(parts: RegistryParts): Webhooks {
  const { store, indexes, clock, newId } = parts;
  const overlapping = ({ previous }: WebhookRecord) =>
    previous && Date.parse(previous.until) > clock() ? previous : null;
  const open = (record: WebhookRecord): Webhook => {
    const { secret: _, previous: __, ...webhook } = record;
    return {
      ...webhook,
      state: webhook.disabledAt === null ? 'enabled' : 'disabled',
      previousSecretUntil: overlapping(record)?.until ?? null,
    };
  };

  async function read(tenantId: string, webhookId: string): Promise<WebhookRecord> {
    const valid = isId('tenant', tenantId) && isId('webhook', webhookId);
    const record = valid
      ? await readJson<WebhookRecord>(store, objectKeys.webhook(tenantId, webhookId))
      : undefined;
    if (!record) throw missing();
    return record;
  }

  async function readAll(tenantId: string, webhookIds: string[]): Promise<Webhook[]> {
    const found = await mapLimit(webhookIds, (id) =>
      readJson<WebhookRecord>(store, objectKeys.webhook(tenantId, id)),
    );
    return found.flatMap((record) => (record ? [open(record)] : []));
  }

  /** Replaces the record by what `change` makes of it; all writers of one webhook line up, its removal too. */
  function change(
    tenantId: string,
    webhookId: string,
    make: (record: WebhookRecord) => WebhookRecord,
  ): Promise<WebhookRecord> {
    return parts.locks.hold(`webhook:${webhookId}`, async () => {
      const before = await read(tenantId, webhookId);
      const after = make(before);
      if (after !== before) await store.put(objectKeys.webhook(tenantId, webhookId), encodeJson(after));
      return after;
    });
  }

  /** The object first: without it an index entry shows nothing, and the next removal takes it. */
  async function removeDeliveries(tenantId: string, webhookId: string, ids: string[]): Promise<void> {
    await mapLimit(ids, async (id) => {
      await store.delete(objectKeys.delivery(tenantId, webhookId, id));
      await indexes.remove(indexNames.deliveries(webhookId), id);
    });
  }

  /** Removes the oldest entries of a log that has grown too long. Two processes at once do no harm. */
  async function trim(tenantId: string, webhookId: string): Promise<void> {
    const { members } = await indexes.page(indexNames.deliveries(webhookId), { limit: trimmedAtOnce });
    await removeDeliveries(tenantId, webhookId, members);
  }

  return {
    async create(tenantId, { url, events, tasks }) {
      return parts.locks.hold(`webhooks:${tenantId}`, async () => {
        if ((await indexes.size(indexNames.webhooks(tenantId))) >= limits.webhooksPerTenant) {
          throw new AppError(
            'quota_exceeded',
            `A tenant keeps at most ${limits.webhooksPerTenant} webhooks; delete one first.`,
          );
        }
        const record: WebhookRecord = {
          id: newId('webhook'),
          url,
          events: events ?? [...WebhookEventType.enum],
          tasks: tasks ?? null,
          ...{ disabledAt: null, disabledReason: null, failingSince: null },
          createdAt: timestamp(clock),
          secret: newWebhookSecret(),
          previous: null,
        };
        await store.put(objectKeys.webhook(tenantId, record.id), encodeJson(record));
        await indexes.add(indexNames.webhooks(tenantId), record.id);
        return { ...open(record), secret: record.secret };
      });
    },
    async list(tenantId, page) {
      const { members, nextCursor } = await indexes.page(indexNames.webhooks(tenantId), page);
      return { data: await readAll(tenantId, members), nextCursor };
    },
    async get(tenantId, webhookId) {
      return open(await read(tenantId, webhookId));
    },
    async getToSend(tenantId, webhookId) {
      const record = await read(tenantId, webhookId);
      return { ...open(record), secrets: [record.secret, overlapping(record)?.secret ?? []].flat() };
    },
    async subscribed(tenantId, type, tasks = []) {
      const { members } = await indexes.page(indexNames.webhooks(tenantId));
      return (await readAll(tenantId, members)).filter(
        (webhook) =>
          webhook.state === 'enabled' &&
          webhook.events.includes(type) &&
          (!webhook.tasks || tasks.length === 0 || webhook.tasks.some((task) => tasks.includes(task))),
      );
    },
    async rotateSecret(tenantId, webhookId, overlapMs) {
      const secret = newWebhookSecret();
      const record = await change(tenantId, webhookId, (before) => ({
        ...before,
        secret,
        previous: { secret: before.secret, until: new Date(clock() + overlapMs).toISOString() },
      }));
      return { ...open(record), secret };
    },
    async setFailingSince(tenantId, webhookId, since) {
      await change(tenantId, webhookId, (before) => {
        // Of several attempts that fail at once the first counts.
        const kept = since !== null && before.failingSince !== null;
        return kept || before.failingSince === since ? before : { ...before, failingSince: since };
      });
    },
    async disable(tenantId, webhookId, reason) {
      return open(
        await change(tenantId, webhookId, (before) =>
          before.disabledAt === null
            ? { ...before, disabledAt: timestamp(clock), disabledReason: reason }
            : before,
        ),
      );
    },
    async enable(tenantId, webhookId) {
      const enabled = { disabledAt: null, disabledReason: null, failingSince: null };
      return open(await change(tenantId, webhookId, (before) => ({ ...before, ...enabled })));
    },
    async delete(tenantId, webhookId) {
      await parts.locks.hold(`webhook:${webhookId}`, async () => {
        await read(tenantId, webhookId);
        // The log first: should this die half-way, the webhook is still there to be deleted again.
        const keys: string[] = [];
        for await (const { key } of listAll(store, objectKeys.deliveriesPrefix(tenantId, webhookId)))
          keys.push(key);
        await mapLimit(keys, (key) => store.delete(key));
        await store.delete(objectKeys.webhook(tenantId, webhookId));
        await indexes.remove(indexNames.webhooks(tenantId), webhookId);
        await indexes.drop(indexNames.deliveries(webhookId));
      });
    },
    async appendDelivery(tenantId, webhookId, delivery) {
      await read(tenantId, webhookId);
      await store.put(objectKeys.delivery(tenantId, webhookId, delivery.id), encodeJson(delivery));
      const name = indexNames.deliveries(webhookId);
      await indexes.add(name, delivery.id);
      if ((await indexes.size(name)) > limits.deliveriesPerWebhook + trimmedAtOnce)
        await trim(tenantId, webhookId);
    },
    async collectDeliveries(tenantId) {
      const oldest = idOfTime('delivery', clock() - limits.deliveryDays * dayMs);
      const { members: webhookIds } = await indexes.page(indexNames.webhooks(tenantId));
      let removed = 0;
      for (const webhookId of webhookIds) {
        const name = indexNames.deliveries(webhookId);
        for (let members = [''], more = true; more; ) {
          ({ members } = await indexes.page(name, { below: oldest }));
          await removeDeliveries(tenantId, webhookId, members);
          removed += members.length;
          more = members.length > 0;
        }
      }
      return removed;
    },
    async deliveries(tenantId, webhookId, page = {}) {
      await read(tenantId, webhookId);
      const name = indexNames.deliveries(webhookId);
      const { members, nextCursor } = await indexes.page(name, { ...page, newestFirst: true });
      const found = await mapLimit(members, (id) =>
        readJson<Delivery>(store, objectKeys.delivery(tenantId, webhookId, id)),
      );
      return { data: found.filter((delivery) => delivery !== undefined), nextCursor };
    },
    async delivery(tenantId, webhookId, deliveryId) {
      await read(tenantId, webhookId);
      const delivery = isId('delivery', deliveryId)
        ? await readJson<Delivery>(store, objectKeys.delivery(tenantId, webhookId, deliveryId))
        : undefined;
      if (!delivery) throw new AppError('delivery_not_found', 'This webhook has no delivery of that id.');
      return delivery;
    },
  };
}
