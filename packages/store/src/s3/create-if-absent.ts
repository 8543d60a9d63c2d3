import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { reservedSegment } from '../keys.js';
import type { ObjectInfo } from '../object-store.js';
import { createTurns } from '../turns.js';
import { nameOf, statusOf } from './s3-errors.js';

/** S3 answers 409 when two conditional writes meet; the one who asks again learns who won. */
const conflictAttempts = 6;
const conflictDelayMs = 25;

export interface CreatePort {
  /** PutObject; with a condition it sends `If-None-Match: *` and keeps the writer's name with the object. */
  put(key: string, body: Uint8Array, condition?: { writer: string }): Promise<ObjectInfo>;
  head(key: string): Promise<{ info: ObjectInfo; writer: string | undefined } | undefined>;
}

type Create = (key: string, body: Uint8Array) => Promise<ObjectInfo | undefined>;

/** Atomic among all writers, where the store honours the condition. */
export function createConditionally({ put, head }: CreatePort): Create {
  return async (key, body) => {
    const writer = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        return await put(key, body, { writer });
      } catch (error) {
        if (statusOf(error) === 412) {
          // Perhaps our own: the first attempt arrived, its answer got lost, and the SDK asked again.
          const winner = await head(key);
          return winner?.writer === writer ? winner.info : undefined;
        }
        if (statusOf(error) !== 409 || attempt === conflictAttempts) throw error;
        await sleep(conflictDelayMs * 2 ** attempt * Math.random());
      }
    }
  };
}

/** For a store that knows no condition: looks, then writes, one at a time per key, so atomic in this process only. */
export function createAfterLooking({ put, head }: CreatePort): Create {
  const inTurn = createTurns();
  return (key, body) => inTurn(key, async () => ((await head(key)) ? undefined : put(key, body)));
}

/**
 * Whether the store honours `If-None-Match: *`: of two such writes of one object the second must be refused. The
 * object stays, out of sight, so that later probes need but one request.
 */
export async function honoursCondition({ put }: CreatePort): Promise<boolean> {
  for (let write = 1; write <= 2; write++) {
    try {
      await put(`${reservedSegment}/conditional-put`, new Uint8Array(), { writer: 'probe' });
    } catch (error) {
      if (statusOf(error) === 412 || statusOf(error) === 409) return true;
      if (statusOf(error) === 501 || nameOf(error) === 'NotImplemented') return false;
      throw error;
    }
  }
  return false;
}
