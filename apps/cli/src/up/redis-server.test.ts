import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findRedisServer } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { startRedisServer } from './redis-server.js';
import { createSupervisor } from './supervisor.js';

// The first waits as long as nobody waited before.
t.setTimeout(120_000);
const program = findRedisServer();

t.test(
  'a Redis that reads its file for longer than a start may take is waited for',
  {
    skip: program === undefined && 'neither redis-server nor valkey-server is on PATH',
  },
  async (t) => {
    // Unix sockets have short paths.
    const folder = await mkdtemp(join(tmpdir(), 'scion-redis-server-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'bin'));
    const { PATH = '' } = process.env;
    t.teardown(() => {
      process.env.PATH = PATH;
    });
    const start = async () => {
      const said: string[] = [];
      const supervisor = await createSupervisor({ logsPath: folder, graceMs: 5_000, notify: () => {} });
      t.teardown(() => supervisor.stop());
      const { url } = await startRedisServer({
        redisUrl: undefined,
        dataPath: join(folder, 'data'),
        runPath: folder,
        supervisor,
        signal: new AbortController().signal,
        say: (line) => said.push(line),
      });
      return { said, supervisor, redis: new Redis(url) };
    };
    const first = await start();
    const pipeline = first.redis.pipeline();
    for (let at = 0; at < 1_100; at++) pipeline.set(`key-${at}`, at);
    await pipeline.exec();
    first.redis.disconnect();
    await first.supervisor.stop();
    t.same(first.said, []);

    // Ten milliseconds a key; between a thousand and another it answers who asks.
    const slow = join(folder, 'bin', program!);
    await writeFile(slow, `#!/bin/sh\nPATH='${PATH}' exec ${program} "$@" --key-load-delay 10000\n`);
    await chmod(slow, 0o755);
    process.env.PATH = `${join(folder, 'bin')}${delimiter}${PATH}`;
    const second = await start();
    t.same(second.said, ['Redis is reading its append-only file; waiting until it has']);
    t.equal(await second.redis.dbsize(), 1_100);
    second.redis.disconnect();
  },
);
