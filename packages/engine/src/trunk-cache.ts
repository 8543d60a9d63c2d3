import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TrunkOutput } from './thread/protocol.js';

/** What the base makes of a text before anything of a user's is added. */
export interface Embedded {
  trunk: TrunkOutput;
  /** featureSize values */
  features: Float32Array;
}

/**
 * What the base made of texts, by content within a tenant: another tenant's entry is never found, so that nobody can tell
 * from the time an answer takes what others have asked or stored. Texts themselves are not kept, only their hashes.
 */
export interface TrunkCache<T> {
  get(tenantId: string, text: string): T | undefined;
  set(tenantId: string, text: string, value: T): void;
  /** Forgets what is too old, which otherwise goes when it is asked for or pushed out. */
  purge(): void;
  state(): TrunkCacheState;
}

export interface TrunkCacheState {
  bytes: number;
  budgetBytes: number;
  entries: number;
  hits: number;
  misses: number;
}

/** A text's objects and its place in the cache's maps. */
const ENTRY_BYTES = 512;
/** What came of an erased user's texts is found no more after this, in milliseconds, and gone at the next purge. */
const TTL_MS = 10 * 60_000;

/** @param budgetBytes 0 keeps nothing */
export function createTrunkCache<T extends TrunkOutput | Embedded>(budgetBytes: number): TrunkCache<T> {
  const cache = new LRUCache<string, T>({
    maxSize: Math.max(1, budgetBytes),
    ttl: TTL_MS,
    sizeCalculation: (value) => ENTRY_BYTES + bytesOf(value),
  });
  const counters = { hits: 0, misses: 0 };
  return {
    get(tenantId, text) {
      const found = cache.get(keyOf(tenantId, text));
      if (found) counters.hits += 1;
      else counters.misses += 1;
      return found;
    },
    set(tenantId, text, value) {
      cache.set(keyOf(tenantId, text), value);
    },
    purge: () => void cache.purgeStale(),
    state: () => ({ bytes: cache.calculatedSize, budgetBytes, entries: cache.size, ...counters }),
  };
}

function bytesOf(value: TrunkOutput | Embedded): number {
  if ('trunk' in value) return bytesOf(value.trunk) + value.features.byteLength;
  return value.hidden.byteLength + value.pooled.byteLength;
}

/** The tenant's id first, as JSON: no id and text run together into another pair. */
function keyOf(tenantId: string, text: string): string {
  return hash('sha256', JSON.stringify(tenantId) + text, 'base64');
}
