import { LRUCache } from 'lru-cache';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { RegistryParts } from './parts.js';

/** Hash: key id to the milliseconds at which it was last used. */
const usesKey = '{scion}:key-uses';
const notedEveryMs = 60_000;
const keptEverySeconds = 3_600;

export interface KeyUses {
  /** Notes that a key is being used now. Waits for nothing: a request must not fail, or slow down, for it. */
  note(keyId: string): void;
  /** When keys were last used, in milliseconds since the epoch; undefined for those that never were. */
  last(keyIds: string[]): Promise<(number | undefined)[]>;
  forget(keyId: string): Promise<void>;
}

/** In Redis to the minute; once an hour also as an object, which answers where Redis has lost it. */
export function createKeyUses({ store, redis, clock }: RegistryParts): KeyUses {
  const noted = new LRUCache<string, number>({ max: 10_000 });

  async function write(keyId: string, at: number): Promise<void> {
    await redis.hset(usesKey, keyId, at);
    const due = await redis.set(`${usesKey}:kept:${keyId}`, '1', 'EX', keptEverySeconds, 'NX');
    if (due === 'OK') await store.put(objectKeys.keyUse(keyId), encodeJson({ at }));
  }

  return {
    note(keyId) {
      const now = clock();
      const before = noted.get(keyId);
      if (before !== undefined && now >= before && now - before < notedEveryMs) return;
      noted.set(keyId, now);
      // Lost, it is noted again in a minute, if the key is still in use by then.
      write(keyId, now).catch(() => noted.delete(keyId));
    },
    async last(keyIds) {
      if (keyIds.length === 0) return [];
      const found = await redis.hmget(usesKey, ...keyIds);
      return mapLimit(keyIds, async (keyId) => {
        const known = found[keyIds.indexOf(keyId)];
        if (typeof known === 'string') return Number(known);
        return (await readJson<{ at: number }>(store, objectKeys.keyUse(keyId)))?.at;
      });
    },
    async forget(keyId) {
      await store.delete(objectKeys.keyUse(keyId));
      await redis.hdel(usesKey, keyId);
    },
  };
}
