import { type Clock, type IdKind, idPattern, type NewId } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import type { ErasureFence } from './erasure-fence.js';
import type { FreshCache } from './fresh-cache.js';
import type { Indexes } from './indexes.js';
import type { CacheName, Forgetful } from './invalidations.js';
import type { Locks } from './locks.js';

/** What the parts of a registry share. */
export interface RegistryParts {
  store: ObjectStore;
  redis: Redis;
  clock: Clock;
  newId: NewId;
  indexes: Indexes;
  locks: Locks;
  fence: ErasureFence;
  /** For what is no `FreshCache` but must forget erased models, named as `modelName` does; `clear` after lost messages. */
  onErased(target: Forgetful): void;
  /**
   * A cache that hears invalidations; values are at most `ttlMs` old. Called once per name. Values that may be large are
   * weighed with `bytesOf`.
   */
  cache<V>(name: Exclude<CacheName, 'erased'>, ttlMs: number, bytesOf?: (value: V) => number): FreshCache<V>;
  /** Forgets a cached value here and tells the other processes. */
  announce(cache: CacheName, key: string): Promise<void>;
}

const patterns = new Map<IdKind, RegExp>();

/**
 * Whether `id` has the form of our ids. Checked before an id goes into an object key, so that no caller can name an
 * object outside the place meant.
 */
export function isId(kind: IdKind, id: string): boolean {
  let pattern = patterns.get(kind);
  if (!pattern) {
    pattern = new RegExp(idPattern(kind));
    patterns.set(kind, pattern);
  }
  return pattern.test(id);
}
