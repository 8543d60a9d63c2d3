import { randomUUID } from 'node:crypto';
import type { ModelRef } from '@scion/contracts';
import type { Redis } from 'ioredis';

// The value is `<job id>|<token>`. A job whose worker died takes over its own lock at once; the dead worker, should it
// only have been frozen, finds another token when it renews.
const takeScript = `
local held = redis.call('get', KEYS[1])
if held and string.sub(held, 1, string.len(ARGV[1]) + 1) ~= ARGV[1] .. '|' then
  redis.call('sadd', KEYS[2], ARGV[1])
  redis.call('pexpire', KEYS[2], 86400000)
  return 0
end
redis.call('set', KEYS[1], ARGV[1] .. '|' .. ARGV[2], 'PX', ARGV[3])
redis.call('srem', KEYS[2], ARGV[1])
return 1`;

// A lock that vanished (Redis lost it) and that nobody took meanwhile is taken again.
const renewScript = `
local held = redis.call('get', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const releaseScript = `
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
local waiting = redis.call('smembers', KEYS[2])
redis.call('del', KEYS[2])
return waiting`;

const waitScript = `
if redis.call('exists', KEYS[1]) == 0 then return 0 end
redis.call('sadd', KEYS[2], ARGV[1])
redis.call('pexpire', KEYS[2], 86400000)
return 1`;

export interface ModelLock {
  /** Frees the model; returns the ids of jobs that found it busy, which may run now. */
  release(): Promise<string[]>;
}

export interface ModelLocks {
  /**
   * The lock of a model for a job, renewed until released; `onLost` is called when another job holds it. Undefined
   * when the model is busy: then the job is noted, and whoever releases the lock learns of it.
   */
  take(ref: ModelRef, jobId: string, onLost: () => void): Promise<ModelLock | undefined>;
  /** Notes once more that a job waits for its model; false, without a note, when the model is free. */
  waits(ref: ModelRef, jobId: string): Promise<boolean>;
}

export function createModelLocks(options: {
  redis: Redis;
  prefix: string;
  lifeMs: number;
  onError(error: Error): void;
}): ModelLocks {
  const { redis, prefix, lifeMs } = options;
  const name = ({ tenantId, task, user }: ModelRef): string =>
    `${tenantId}:${task}:${Buffer.from(user).toString('base64url')}`;
  const lockKey = (ref: ModelRef): string => `${prefix}:training:${name(ref)}`;
  const waitingKey = (ref: ModelRef): string => `${prefix}:training-waiting:${name(ref)}`;

  return {
    async take(ref, jobId, onLost) {
      const token = randomUUID();
      const value = `${jobId}|${token}`;
      const taken = await redis.eval(takeScript, 2, lockKey(ref), waitingKey(ref), jobId, token, lifeMs);
      if (taken !== 1) return undefined;
      const renewal = setInterval(() => {
        redis.eval(renewScript, 1, lockKey(ref), value, lifeMs).then((kept) => {
          if (kept !== 1) onLost();
        }, options.onError);
      }, lifeMs / 3);
      renewal.unref();
      return {
        async release() {
          clearInterval(renewal);
          return (await redis.eval(releaseScript, 2, lockKey(ref), waitingKey(ref), value)) as string[];
        },
      };
    },
    async waits(ref, jobId) {
      return (await redis.eval(waitScript, 2, lockKey(ref), waitingKey(ref), jobId)) === 1;
    },
  };
}
