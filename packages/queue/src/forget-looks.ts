import type { ModelRef } from '@scion/contracts';
import type { Queue as BullQueue } from 'bullmq';
import type { Redis } from 'ioredis';
import { lookPrefix } from './job-table.js';

/**
 * Removes every look at a model. Their ids begin alike but end in the occasion, so the sets are searched: Redis walks
 * them, a million entries take about a second, and only what matches is sent.
 */
export async function forgetLooks(queue: BullQueue, redis: Redis, ref: ModelRef): Promise<void> {
  const prefix = lookPrefix(ref);
  const found = new Set<string>();
  for (const name of ['delayed', 'failed', 'prioritized']) {
    let cursor = '0';
    do {
      const [next, pairs] = await redis.zscan(
        queue.toKey(name),
        cursor,
        'MATCH',
        `${prefix}*`,
        'COUNT',
        1_000,
      );
      for (let at = 0; at < pairs.length; at += 2) found.add(pairs[at] as string);
      cursor = next;
    } while (cursor !== '0');
  }
  for (const id of await redis.lrange(queue.toKey('wait'), 0, -1)) if (id.startsWith(prefix)) found.add(id);
  // One that a worker has taken since cannot be removed; it finds no user and ends.
  for (const id of found) await (await queue.getJob(id))?.remove().catch(() => undefined);
}
