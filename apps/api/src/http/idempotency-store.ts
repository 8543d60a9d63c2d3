import type { Redis } from 'ioredis';

/** How long the answer to a call is kept. */
const keptSeconds = 86_400;
/** A call under way says so at least every third of this; one whose process died holds its key so long. */
const runningSeconds = 60;
export const renewEveryMs = (runningSeconds * 1_000) / 3;

type Found =
  | { state: 'ours' }
  | { state: 'running' }
  | { state: 'other' }
  | { state: 'done'; sealed: string };

/** Calls by name. A name tells nothing of the call, and what is kept of it only its caller can read. */
export interface IdempotencyStore {
  /** Takes the name for a call under way, or tells what is known of it. */
  begin(name: string, fingerprint: string, token: string): Promise<Found>;
  renew(name: string, token: string): Promise<void>;
  /** Keeps the answer, or, without one, frees the name. Does nothing once another call has taken it. */
  end(name: string, token: string, sealed: string | undefined): Promise<void>;
}

const beginScript = `
local found = redis.call('HMGET', KEYS[1], 'fingerprint', 'sealed')
if not found[1] then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'token', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return { 'ours' }
end
if found[1] ~= ARGV[1] then return { 'other' } end
if found[2] then return { 'done', found[2] } end
return { 'running' }`;
const renewScript = `
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 0`;
const endScript = `
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
redis.call('HDEL', KEYS[1], 'token')
return redis.call('EXPIRE', KEYS[1], ARGV[3])`;

export function createIdempotencyStore(redis: Redis): IdempotencyStore {
  const keyOf = (name: string): string => `{scion}:idempotency:${name}`;
  return {
    async begin(name, fingerprint, token) {
      const reply = await redis.eval(beginScript, 1, keyOf(name), fingerprint, token, runningSeconds);
      const [state, sealed] = reply as [Found['state'], string?];
      return state === 'done' ? { state, sealed: sealed ?? '' } : { state };
    },
    async renew(name, token) {
      await redis.eval(renewScript, 1, keyOf(name), token, runningSeconds);
    },
    async end(name, token, sealed = '') {
      await redis.eval(endScript, 1, keyOf(name), token, sealed, keptSeconds);
    },
  };
}
