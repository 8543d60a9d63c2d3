import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findRedisServer } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { startRedisServer } from './redis-server.js';
import { createSupervisor } from './supervisor.js';

// The first waits as long as nobody waited before.
t.setTimeout(120_000);
const dist = dirname(fileURLToPath(import.meta.url));
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

/** Whether a process listens on a port, whichever its address. */
async function listensOnPort(pid: number): Promise<boolean> {
  const fds = `/proc/${pid}/fd`;
  const open = await Promise.all((await readdir(fds)).map((fd) => readlink(join(fds, fd)).catch(() => '')));
  const sockets = (await readFile('/proc/net/tcp', 'utf8')) + (await readFile('/proc/net/tcp6', 'utf8'));
  const inodes = sockets.split('\n').map((line) => line.trim().split(/\s+/)[9]);
  return inodes.some((inode) => open.includes(`socket:[${inode}]`));
}

t.test(
  'without a redis-server one starts in a folder of any name, for its owner alone, and ends with a killed supervisor',
  async (t) => {
    // Unix sockets have short paths.
    const runPath = await mkdtemp(join(tmpdir(), 'scion-redis-server-'));
    t.teardown(() => rm(runPath, { recursive: true }));
    const clone = join(t.testdir(), 'a clöne');
    await mkdir(clone);
    await cp(dist, join(clone, 'up'), { recursive: true });
    await cp(join(dist, '../user-error.js'), join(clone, 'user-error.js'));
    await writeFile(join(clone, 'package.json'), '{"type":"module"}');
    await mkdir(join(clone, 'node_modules'));
    const server = join(dirname(fileURLToPath(import.meta.resolve('js-redis-server'))), '..');
    await symlink(server, join(clone, 'node_modules/js-redis-server'));
    const module = (name: string) => JSON.stringify(pathToFileURL(join(clone, 'up', name)).href);
    const script = `
    const { createSupervisor } = await import(${module('supervisor.js')});
    const { startRedisServer } = await import(${module('redis-server.js')});
    const supervisor = await createSupervisor({ logsPath: ${JSON.stringify(clone)}, graceMs: 1000, notify() {} });
    let child;
    const { url } = await startRedisServer({
      supervisor: { start: (options) => (child = supervisor.start(options)) },
      runPath: ${JSON.stringify(runPath)},
      signal: new AbortController().signal,
      say() {},
    });
    process.send({ url, pid: child.pid });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { PATH: '' },
    });
    t.teardown(() => child.kill('SIGKILL'));
    const { url, pid } = await Promise.race([
      once(child, 'message').then(([started]) => started as { url: string; pid: number }),
      once(child, 'exit').then(async () => {
        throw new Error(await readFile(join(clone, 'redis.log'), 'utf8'));
      }),
    ]);
    const redis = new Redis(url, { retryStrategy: () => null });
    t.equal(await redis.ping(), 'PONG');
    t.notOk(await listensOnPort(pid), 'it asks for no password, so nobody else may reach it');
    t.equal((await stat(url)).mode & 0o077, 0);
    const gone = once(redis, 'end');
    child.kill('SIGKILL');
    await gone;
    t.pass('its Redis has gone');
  },
);
