import type { JobLogLine } from '@scion/contracts';
import type { Redis } from 'ioredis';
import type { JobLogs } from './queue.js';

/** Lines kept of one job, the newest; some 200 bytes each. */
const keptLines = 200;
const keptSeconds = 7 * 86_400;

export function createJobLogs({ redis, prefix }: { redis: Redis; prefix: string }): JobLogs {
  const keyOf = (jobId: string): string => `${prefix}:logs:${jobId}`;
  return {
    async append(jobId, line) {
      const key = keyOf(jobId);
      const replies = await redis
        .multi()
        .rpush(key, JSON.stringify(line))
        .ltrim(key, -keptLines, -1)
        .expire(key, keptSeconds)
        .exec();
      for (const [error] of replies ?? []) if (error) throw error;
    },
    async read(jobId) {
      return (await redis.lrange(keyOf(jobId), 0, -1)).map((line) => JSON.parse(line) as JobLogLine);
    },
    async erase(jobId) {
      await redis.unlink(keyOf(jobId));
    },
  };
}
