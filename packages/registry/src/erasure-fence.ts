import { AppError, type ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import { modelName } from './indexes.js';
import type { HeldLock } from './locks.js';
import { sha256Hex } from './secrets.js';

/** A process that is frozen for longer than this may leave what it was about to write. */
const markSeconds = 86_400;

export interface ErasureFence {
  /** Called by an erasure that holds all locks of a model, before it removes anything. */
  raise(ref: ModelRef, erasureId: string): Promise<void>;
  /**
   * Writes one object under a lock. Should the lock have been lost and the model erased meanwhile, the object is taken
   * back. Throws overloaded then, and before writing when the lock is lost already.
   */
  put(ref: ModelRef, lock: HeldLock, key: () => string, write: () => Promise<unknown>): Promise<void>;
}

/**
 * Erasures hold the locks of all writers, so only a writer whose lock ran out while its process was frozen can write
 * after one. A mark in Redis, under a hash and for a day, tells it so.
 */
export function createErasureFence({ store, redis }: { store: ObjectStore; redis: Redis }): ErasureFence {
  const markOf = (ref: ModelRef): string => `{scion}:erased:${sha256Hex(modelName(ref)).slice(0, 32)}`;
  const lost = (): AppError =>
    new AppError('overloaded', 'The request took too long and lost its place; send it again.', {
      retryAfterSeconds: 1,
    });

  return {
    async raise(ref, erasureId) {
      await redis.set(markOf(ref), erasureId, 'EX', markSeconds);
    },
    async put(ref, lock, key, write) {
      const [heldBefore, before] = await redis.mget(lock.key, markOf(ref));
      if (heldBefore !== lock.token) throw lost();
      await write();
      const [heldAfter, after] = await redis.mget(lock.key, markOf(ref));
      if (heldAfter === lock.token || after === before) return;
      await store.delete(key());
      throw lost();
    },
  };
}
