import type { Clock } from '@scion/contracts';
import { LRUCache } from 'lru-cache';

export interface FreshCache<V> {
  /**
   * The value of `key`, loaded when none is kept. What comes back was read from the source at most `ttlMs` before this
   * call, or after it. Concurrent calls share one load. `undefined` is a value too, and kept.
   */
  get(key: string, load: (previous: V | undefined) => Promise<V>): Promise<V>;
  /** Forgets `key`; a load under way is not kept. */
  invalidate(key: string): void;
  clear(): void;
}

interface Kept<V> {
  value: V;
  readAt: number;
}

interface Pending<V> {
  promise: Promise<V>;
  startedAt: number;
}

/**
 * How much is kept. Small values are counted, and stay when they are too old, for `load` to begin with; large ones are
 * weighed, and let go of then.
 */
type Bounds<V> = { max: number } | { maxBytes: number; bytesOf(value: V): number };

const lruOf = <V>(bounds: Bounds<V>, ttlMs: number): LRUCache<string, Kept<V>> =>
  'max' in bounds
    ? new LRUCache({ max: bounds.max })
    : new LRUCache({
        maxSize: bounds.maxBytes,
        sizeCalculation: ({ value }) => bounds.bytesOf(value),
        ttl: ttlMs,
        ttlAutopurge: true,
      });

export function createFreshCache<V>(options: { clock: Clock; ttlMs: number } & Bounds<V>): FreshCache<V> {
  const { clock, ttlMs } = options;
  const kept = lruOf(options, ttlMs);
  const pending = new Map<string, Pending<V>>();
  // A clock set back must not make a value immortal.
  const fresh = (at: number): boolean => {
    const age = clock() - at;
    return age >= 0 && age <= ttlMs;
  };

  return {
    get(key, load) {
      const entry = kept.get(key);
      if (entry && fresh(entry.readAt)) return Promise.resolve(entry.value);
      const joined = pending.get(key);
      if (joined && fresh(joined.startedAt)) return joined.promise;
      const startedAt = clock();
      const own: Pending<V> = { promise: load(entry?.value), startedAt };
      own.promise = own.promise.then(
        (value) => {
          if (pending.get(key) === own) {
            pending.delete(key);
            kept.set(key, { value, readAt: startedAt });
          }
          return value;
        },
        (error: unknown) => {
          if (pending.get(key) === own) pending.delete(key);
          throw error;
        },
      );
      pending.set(key, own);
      return own.promise;
    },
    invalidate(key) {
      kept.delete(key);
      pending.delete(key);
    },
    clear() {
      kept.clear();
      pending.clear();
    },
  };
}
