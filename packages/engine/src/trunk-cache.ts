import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TrunkOutput } from './thread/protocol.js';

/** What the base makes of a text before anything of a user's is added. */
export interface Embedded {
  trunk: TrunkOutput;
  /** featureSize values */
  features: Float32Array;
}

export interface TrunkCache {
  get(tenantId: string, text: string): Embedded | undefined;
  set(tenantId: string, text: string, embedded: Embedded): void;
  state(): { bytes: number; entries: number; budgetBytes: number };
}

/** A text's objects and its place in the cache's maps. */
const ENTRY_BYTES = 512;

/**
 * Remembers texts that were trained on, so that training again embeds only what is new. By content, within the tenant: one
 * tenant cannot learn from another's speed what that one has stored. Texts are kept as hashes.
 */
export function createTrunkCache(budgetBytes: number): TrunkCache {
  const cache = new LRUCache<string, Embedded>({
    maxSize: Math.max(1, budgetBytes),
    sizeCalculation: ({ trunk, features }) =>
      ENTRY_BYTES + trunk.hidden.byteLength + trunk.pooled.byteLength + features.byteLength,
  });
  const keyOf = (tenantId: string, text: string) =>
    createHash('sha256').update(`${tenantId}\0${text}`).digest('base64');
  return {
    get: (tenantId, text) => cache.get(keyOf(tenantId, text)),
    set: (tenantId, text, embedded) => void cache.set(keyOf(tenantId, text), embedded),
    state: () => ({ bytes: cache.calculatedSize, entries: cache.size, budgetBytes }),
  };
}
