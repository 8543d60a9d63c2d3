import { listAll, type ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';

/** Where any of these texts still stands: object keys, object bodies, Redis keys and values of every type. */
export async function findTraces(store: ObjectStore, redis: Redis, texts: string[]): Promise<string[]> {
  const found: string[] = [];
  const look = (place: string, content: string): void => {
    for (const text of texts) if (content.includes(text)) found.push(`${text} in ${place}`);
  };
  for await (const { key } of listAll(store, '')) {
    look('a key of the bucket', key);
    look(key, Buffer.from((await store.get(key))?.body ?? '').toString('latin1'));
  }
  for (const key of await redis.keys('*')) {
    look('a key of Redis', key);
    look(key, JSON.stringify(await contentOf(redis, key)));
  }
  return found;
}

async function contentOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'string') return redis.get(key);
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  return `unknown type ${type}`;
}
