import type { ModelRef } from '@scion/contracts';
import type { Redis } from 'ioredis';
import { exampleCacheKey } from './example-index.js';
import { memberOfModel } from './indexes.js';

export const tallyPrefix = '{scion}:tally:';

/**
 * How many examples a tenant keeps in all, known in one step. A hash a tenant: model to its examples; field `` their
 * sum; `!` present once every model was counted. One key, so that an eviction takes all of it or nothing.
 */
const keyOf = (tenantId: string): string => `${tallyPrefix}examples:${tenantId}`;

const put = `
local function put(size)
  local before = tonumber(redis.call('hget', KEYS[1], ARGV[1]) or '0')
  if size == 0 then redis.call('hdel', KEYS[1], ARGV[1]) else redis.call('hset', KEYS[1], ARGV[1], size) end
  redis.call('hincrby', KEYS[1], '', size - before)
end`;

// The size as the model's own index has it now, or nothing where that is unknown: a count that was read before would
// bring back a model that has been erased meanwhile.
const noteScript = `${put}
local last = redis.call('hget', KEYS[2], '')
if last and last ~= '!' then put(redis.call('hlen', KEYS[2]) - 1) end
return 1`;

const dropScript = `${put}
put(0)
return 1`;

/** Takes over the number of a model's examples, which has changed. Call it while their index is known. */
export async function noteExamples({ redis }: { redis: Redis }, ref: ModelRef): Promise<void> {
  await redis.eval(noteScript, 2, keyOf(ref.tenantId), exampleCacheKey(ref), memberOfModel(ref));
}

/** A model is gone. Call it when its index is. */
export async function dropExamples({ redis }: { redis: Redis }, ref: ModelRef): Promise<void> {
  await redis.eval(dropScript, 1, keyOf(ref.tenantId), memberOfModel(ref));
}

/** The sum; undefined until `countedAll` was called. */
export async function tallied({ redis }: { redis: Redis }, tenantId: string): Promise<number | undefined> {
  const [sum, counted] = await redis.hmget(keyOf(tenantId), '', '!');
  return counted === null ? undefined : Number(sum ?? 0);
}

/** Every model of the tenant has been noted since Redis was last lost. */
export async function countedAll({ redis }: { redis: Redis }, tenantId: string): Promise<void> {
  await redis.hset(keyOf(tenantId), '!', '1');
}
