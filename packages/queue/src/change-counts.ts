import type { Redis, Result } from 'ioredis';
import { lookPrefix } from './job-table.js';
import type { ChangeCounts } from './queue.js';

/** After the last use; then the next change asks for a look. */
const keptSeconds = 3_600;

/**
 * Writes nothing where fewer are noted than the look had read: they were counted from nothing since, after an erasure or
 * a loss of Redis, and would not come to a number of before for very long. ARGV: what was read, wanted, the number, seconds.
 */
const lackedScript = `
local noted = tonumber(redis.call('HGET', KEYS[1], 'noted') or 0)
if noted < tonumber(ARGV[1]) then return end
redis.call('HSET', KEYS[1], 'until:' .. ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    lackChanges(
      key: string,
      noted: number,
      wanted: number,
      until: number,
      seconds: number,
    ): Result<null, Context>;
  }
}

/** Of each model a hash: all changes noted, and how many there are to be before a look can find enough. */
export function createChangeCounts({ redis, prefix }: { redis: Redis; prefix: string }): ChangeCounts {
  redis.defineCommand('lackChanges', { numberOfKeys: 1, lua: lackedScript });
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
      await redis.lackChanges(keyOf(ref), noted, wanted, noted + wanted - fresh, keptSeconds);
    },
    async erase(ref) {
      await redis.unlink(keyOf(ref));
    },
  };
}
