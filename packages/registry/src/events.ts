import { AppError, dayMs, idOfTime, limits, type ModelRef, type WebhookEvent } from '@scion/contracts';
import type { Events } from './announcements.js';
import { indexNames, lockNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';

/** The model that an event is about. Only such an event names a user, so only it stands in the user's folder. */
function modelOf({ tenantId, data }: WebhookEvent): ModelRef | undefined {
  return 'user' in data ? { tenantId, task: data.task, user: data.user } : undefined;
}

export function createEvents(parts: RegistryParts): Events {
  const { store, indexes, locks, fence, clock } = parts;
  const keyOf = (tenantId: string, eventId: string, ref: ModelRef | undefined): string =>
    ref ? objectKeys.modelEvent(ref, eventId) : objectKeys.event(tenantId, eventId);

  async function read(tenantId: string, eventIds: string[]): Promise<WebhookEvent[]> {
    const refs = await indexes.eventRefs(eventIds);
    const found = await mapLimit(eventIds, (eventId) => {
      const ref = refs.get(eventId);
      if (ref && ref.tenantId !== tenantId) return Promise.resolve(undefined);
      return readJson<WebhookEvent>(store, keyOf(tenantId, eventId, ref));
    });
    return found.filter((event) => event !== undefined);
  }

  return {
    async put(event) {
      const { tenantId, id } = event;
      const ref = modelOf(event);
      const key = keyOf(tenantId, id, ref);
      const write = () => store.put(key, encodeJson(event));
      if (!ref) {
        await write();
        await indexes.putEvent(tenantId, id, ref);
        return;
      }
      // It names the user, so an erasure must come before all of it or after.
      await locks.hold(lockNames.model(ref), async (lock) => {
        const { objects } = await store.list(objectKeys.modelPrefix(ref), { limit: 1 });
        if (objects.length === 0) throw new AppError('user_not_found', 'The user has been erased.');
        await fence.put(ref, lock, () => key, write);
        await indexes.putEvent(tenantId, id, ref);
      });
    },
    async get(tenantId, eventId) {
      if (!isId('event', eventId)) return undefined;
      return (await read(tenantId, [eventId]))[0];
    },
    async list(tenantId, page) {
      const name = indexNames.events(tenantId);
      const { members, nextCursor } = await indexes.page(name, { ...page, newestFirst: true });
      return { data: await read(tenantId, members), nextCursor };
    },
    async collect(tenantId) {
      const name = indexNames.events(tenantId);
      const oldestMs = clock() - limits.deliveryDays * dayMs;
      let removed = 0;
      for (let cursor: string | undefined; ; ) {
        const page = await indexes.page(name, { below: idOfTime('event', oldestMs), cursor });
        const refs = await indexes.eventRefs(page.members);
        for (const id of page.members.filter((member) => !refs.has(member))) {
          const key = objectKeys.event(tenantId, id);
          const event = await readJson<WebhookEvent>(store, key);
          // Its id may begin with the start of a period or of an outage that ended later.
          if (event && Date.parse(event.timestamp) >= oldestMs) continue;
          await store.delete(key);
          await indexes.remove(name, id);
          removed += 1;
        }
        if (page.nextCursor === null) return removed;
        cursor = page.nextCursor;
      }
    },
  };
}
