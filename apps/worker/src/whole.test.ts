import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { noteWhole, wholeKey } from './whole.js';

t.test(
  'a Redis restored from a snapshot is not taken for whole by a note made to the one before',
  async (t) => {
    const server = await startRedis();
    const redis = new Redis(server.connect());
    t.teardown(async () => {
      redis.disconnect();
      await server.close();
    });
    await noteWhole(redis, null, 1_000);
    const snapshot = await redis.get(wholeKey);
    await noteWhole(redis, snapshot, 2_000);
    const seen = await redis.get(wholeKey);
    t.equal(seen, '2000');
    await redis.set(wholeKey, String(snapshot));
    await noteWhole(redis, seen, 3_000);
    t.equal(await redis.get(wholeKey), '1000');
  },
);
