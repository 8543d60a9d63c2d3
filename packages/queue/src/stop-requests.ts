import type { Queue as BullQueue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { FairQueue } from './fair/fair-queue.js';
import type { Hub } from './hub.js';
import type { CancelResult } from './queue.js';

export type StopReason = 'cancelled' | 'paused';

/** A request is remembered for as long as a job could wait for retries. */
const keptSeconds = 7 * 86_400;

const clearPauseScript = `
if redis.call('get', KEYS[1]) == 'paused' then return redis.call('del', KEYS[1]) end
return 0`;

/** Requests that a training job leaves the queue: a flag for whoever starts it, a message for whoever runs it. */
export interface StopRequests {
  request(jobId: string, reason: StopReason): Promise<CancelResult>;
  /** Takes back a request to pause; one to cancel stands. */
  clearPause(jobId: string): Promise<void>;
  /** What is asked of a job, by its flag. */
  asked(jobId: string): Promise<StopReason | undefined>;
  /** Calls `listener` for each request, and without a job when messages may have been missed. */
  listen(listener: (jobId: string | undefined, reason: StopReason) => void): Promise<() => void>;
}

export function createStopRequests(options: {
  redis: Redis;
  hub: Hub;
  prefix: string;
  fair: FairQueue;
  bull: BullQueue;
  /** Called when a slot has become free. */
  freed(): Promise<void>;
}): StopRequests {
  const { redis, hub, prefix, fair, bull } = options;
  // Named for the first reason there was; its value may also be that of an older version, which knew no other.
  const flag = (jobId: string): string => `${prefix}:cancel:${jobId}`;
  const channels = { cancelled: `${prefix}:cancel`, paused: `${prefix}:pause` } as const;

  return {
    async request(jobId, reason) {
      if (reason === 'cancelled') await redis.set(flag(jobId), '1', 'EX', keptSeconds);
      else await redis.set(flag(jobId), 'paused', 'EX', keptSeconds, 'NX');
      const found = await fair.withdraw(jobId);
      if (found === 'removed') return 'removed';
      const job = await bull.getJob(jobId);
      const state = await job?.getState();
      // Between the fair queue and BullMQ: it finds the flag when it starts.
      if (!job && found === 'admitted') return 'signalled';
      if (!job || state === 'completed' || state === 'failed' || state === 'unknown') return 'unknown';
      if (state !== 'active') {
        try {
          await job.remove();
          await fair.end(jobId, 0);
          await options.freed();
          return 'removed';
        } catch {
          // A worker has taken it since.
        }
      }
      await redis.publish(channels[reason], jobId);
      return 'signalled';
    },
    async clearPause(jobId) {
      await redis.eval(clearPauseScript, 1, flag(jobId));
    },
    async asked(jobId) {
      const value = await redis.get(flag(jobId));
      if (value === null) return undefined;
      return value === 'paused' ? 'paused' : 'cancelled';
    },
    async listen(listener) {
      const stops = await Promise.all(
        (['cancelled', 'paused'] as const).map((reason) =>
          hub.listen(channels[reason], (jobId) => listener(jobId, reason)),
        ),
      );
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
