import type { Redis } from 'ioredis';
import { indexPrefix } from '../indexes.js';

/** Everything the indexes hold, in a form that compares. */
export async function dumpIndexes(redis: Redis): Promise<Record<string, unknown>> {
  const dump: Record<string, unknown> = {};
  for (const name of (await redis.keys(`${indexPrefix}*`)).sort()) {
    const type = await redis.type(name);
    if (type === 'zset') dump[name] = await redis.zrange(name, '0', '-1');
    else if (type === 'hash') dump[name] = await redis.hgetall(name);
    else dump[name] = await redis.get(name);
  }
  return dump;
}
