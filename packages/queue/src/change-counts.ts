import type { Redis } from 'ioredis';
import { lookPrefix } from './job-table.js';
import type { ChangeCounts } from './queue.js';

/** After the last use; then the next change asks for a look. */
const keptSeconds = 3_600;

/** Of each model a hash: all changes noted, and how many there are to be before a look can find enough. */
export function createChangeCounts({ redis, prefix }: { redis: Redis; prefix: string }): ChangeCounts {
  // No name stands in it.
  const keyOf = (ref: Parameters<ChangeCounts['noted']>[0]): string => `${prefix}:changes:${lookPrefix(ref)}`;
  return {
    async note(ref, count, wanted) {
      const key = keyOf(ref);
      const replies = await redis
        .multi()
        .hincrby(key, 'noted', count)
        .hget(key, `until:${wanted}`)
        .expire(key, keptSeconds)
        .exec();
      for (const [error] of replies ?? []) if (error) throw error;
      const [noted, until] = (replies ?? []).map(([, reply]) => reply);
      return typeof until !== 'string' || Number(noted) >= Number(until);
    },
    noted: async (ref) => Number((await redis.hget(keyOf(ref), 'noted')) ?? 0),
    async lacked(ref, { wanted, fresh, noted }) {
      const key = keyOf(ref);
      const replies = await redis
        .multi()
        .hset(key, `until:${wanted}`, noted + wanted - fresh)
        .expire(key, keptSeconds)
        .exec();
      for (const [error] of replies ?? []) if (error) throw error;
    },
    async erase(ref) {
      await redis.unlink(keyOf(ref));
    },
  };
}
