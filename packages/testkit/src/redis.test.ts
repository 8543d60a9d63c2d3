import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { findRedisServer, startRedis } from '@scion/testkit';
import t from 'tap';

function say(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path }, () => socket.write(`${command}\r\n`));
    socket.once('error', reject);
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(chunk.toString().trim());
    });
  });
}

const skip = findRedisServer() ? false : 'neither redis-server nor valkey-server is on PATH';

await t.test('Redis listens on its socket until closed, and leaves nothing behind', { skip }, async (t) => {
  const redis = await startRedis();
  t.strictSame(redis.connect(), { path: redis.path });
  t.equal(new URL(redis.url).pathname, redis.path);
  t.equal(await say(redis.path, 'SET a 1'), '+OK');
  await redis.flush();
  t.equal(await say(redis.path, 'DBSIZE'), ':0');
  await redis.close();
  t.notOk(existsSync(dirname(redis.path)));
});

await t.test(
  'a killed Redis is gone with its data, and restarts empty on the same socket',
  { skip },
  async (t) => {
    const redis = await startRedis();
    t.teardown(() => redis.close());
    await say(redis.path, 'SET a 1');
    await redis.kill();
    await t.rejects(say(redis.path, 'PING'));
    await redis.kill();
    await redis.restart();
    t.equal(await say(redis.path, 'DBSIZE'), ':0');
    await redis.restart();
    t.equal(await say(redis.path, 'PING'), '+PONG');
  },
);

await t.test('two servers know nothing of each other', { skip }, async (t) => {
  const [one, two] = await Promise.all([startRedis(), startRedis()]);
  t.teardown(() => Promise.all([one.close(), two.close()]));
  await say(one.path, 'SET a 1');
  t.equal(await say(two.path, 'DBSIZE'), ':0');
});
