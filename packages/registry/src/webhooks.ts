import { AppError, type Delivery, limits, timestamp, type Webhook, WebhookEventType } from '@scion/contracts';
import { listAll } from '@scion/store';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { Webhooks, WebhookWithSecret } from './registry.js';
import { newWebhookSecret } from './secrets.js';

const missing = (): AppError => new AppError('webhook_not_found', 'No webhook has this id.');

export function createWebhooks(parts: RegistryParts): Webhooks {
  const { store, indexes, clock, newId } = parts;
  const open = ({ secret: _, ...webhook }: WebhookWithSecret): Webhook => webhook;

  async function read(tenantId: string, webhookId: string): Promise<WebhookWithSecret> {
    const valid = isId('tenant', tenantId) && isId('webhook', webhookId);
    const webhook = valid
      ? await readJson<WebhookWithSecret>(store, objectKeys.webhook(tenantId, webhookId))
      : undefined;
    if (!webhook) throw missing();
    return webhook;
  }

  async function readAll(tenantId: string, webhookIds: string[]): Promise<Webhook[]> {
    const found = await mapLimit(webhookIds, (id) =>
      readJson<WebhookWithSecret>(store, objectKeys.webhook(tenantId, id)),
    );
    return found.flatMap((webhook) => (webhook ? [open(webhook)] : []));
  }

  return {
    async create(tenantId, { url, events }) {
      return parts.locks.hold(`webhooks:${tenantId}`, async () => {
        if ((await indexes.size(indexNames.webhooks(tenantId))) >= limits.webhooksPerTenant) {
          throw new AppError(
            'quota_exceeded',
            `A tenant keeps at most ${limits.webhooksPerTenant} webhooks; delete one first.`,
          );
        }
        const webhook: WebhookWithSecret = {
          id: newId('webhook'),
          url,
          events: events ?? [...WebhookEventType.enum],
          createdAt: timestamp(clock),
          secret: newWebhookSecret(),
        };
        await store.put(objectKeys.webhook(tenantId, webhook.id), encodeJson(webhook));
        await indexes.add(indexNames.webhooks(tenantId), webhook.id);
        return webhook;
      });
    },
    async list(tenantId, page) {
      const { members, nextCursor } = await indexes.page(indexNames.webhooks(tenantId), page);
      return { data: await readAll(tenantId, members), nextCursor };
    },
    async get(tenantId, webhookId) {
      return open(await read(tenantId, webhookId));
    },
    getWithSecret: read,
    async subscribed(tenantId, type) {
      const { members } = await indexes.page(indexNames.webhooks(tenantId));
      return (await readAll(tenantId, members)).filter((webhook) => webhook.events.includes(type));
    },
    async delete(tenantId, webhookId) {
      await read(tenantId, webhookId);
      // The log first: should this die half-way, the webhook is still there to be deleted again.
      const keys: string[] = [];
      for await (const { key } of listAll(store, objectKeys.deliveriesPrefix(tenantId, webhookId)))
        keys.push(key);
      await mapLimit(keys, (key) => store.delete(key));
      await store.delete(objectKeys.webhook(tenantId, webhookId));
      await indexes.remove(indexNames.webhooks(tenantId), webhookId);
      await indexes.drop(indexNames.deliveries(webhookId));
    },
    async appendDelivery(tenantId, webhookId, delivery) {
      await read(tenantId, webhookId);
      await store.put(objectKeys.delivery(tenantId, webhookId, delivery.id), encodeJson(delivery));
      await indexes.add(indexNames.deliveries(webhookId), delivery.id);
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
  };
}
