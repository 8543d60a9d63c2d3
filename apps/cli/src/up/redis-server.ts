import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { findFreePort } from './free-port.js';
import type { Supervised, Supervisor } from './supervisor.js';
import { untilTrue } from './until-true.js';

/** What the other processes connect to: a URL or the path of a unix socket, both understood by ioredis. */
export interface RedisServer {
  url: string;
  /** What it is, for the start-up line. */
  description: string;
}

/**
 * Finds or starts a Redis, in this order: `REDIS_URL`; a child redis-server or valkey-server on a unix socket with an
 * append-only file in the data folder; js-redis-server, which is pure JavaScript, slow, and forgets everything when
 * it stops (Scion rebuilds its indexes from object storage, yet this is for a first look only).
 */
export async function startRedisServer(options: {
  redisUrl: string | undefined;
  dataPath: string;
  runPath: string;
  supervisor: Supervisor;
  warn(line: string): void;
}): Promise<RedisServer> {
  if (options.redisUrl) return { url: options.redisUrl, description: 'REDIS_URL' };
  const binary = await findOnPath('redis-server', 'valkey-server');
  return binary ? startNative(binary, options) : startJavaScript(options);
}

async function startNative(
  binary: string,
  { dataPath, runPath, supervisor }: { dataPath: string; runPath: string; supervisor: Supervisor },
): Promise<RedisServer> {
  const folder = join(dataPath, 'redis');
  const socket = join(runPath, 'redis.sock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A supervisor that was killed leaves its Redis behind. It writes to the same files, so it must go first.
  await sendCommand(socket, 'SHUTDOWN');
  await rm(socket, { force: true });
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '600',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    // BullMQ requires that no key is ever evicted.
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = supervisor.start({
    name: 'redis',
    spawn: () => spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
  });
  await untilReady(child, socket);
  return { url: socket, description: `${binary} on a unix socket, append-only file in ${folder}` };
}

async function startJavaScript({
  supervisor,
  warn,
}: {
  supervisor: Supervisor;
  warn(line: string): void;
}): Promise<RedisServer> {
  warn(
    'WARNING: no redis-server or valkey-server found: using js-redis-server, in memory and many times slower.',
  );
  warn(
    'WARNING: queued jobs are re-read from object storage after a restart. Install redis for anything but a look.',
  );
  const port = await findFreePort();
  const cli = new URL(import.meta.resolve('js-redis-server')).pathname.replace(/index\.mjs$/, 'cli.js');
  const child = supervisor.start({
    name: 'redis',
    spawn: () =>
      spawn(process.execPath, [cli, '--port', String(port)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      }),
  });
  await untilReady(child, port);
  return { url: `redis://127.0.0.1:${port}`, description: 'js-redis-server (in memory)' };
}

async function untilReady(child: Supervised, address: string | number): Promise<void> {
  await untilTrue(async () => (await sendCommand(address, 'PING'))?.startsWith('+PONG') ?? false, {
    what: 'Redis did not answer PING',
    timeoutMs: 10_000,
    stop: child.exited,
  });
}

/** One inline command (RESP allows plain lines); the reply's first bytes, or undefined when nobody listens. */
function sendCommand(address: string | number, command: string): Promise<string | undefined> {
  return new Promise((done) => {
    const peer = typeof address === 'number' ? connect(address, '127.0.0.1') : connect(address);
    peer.setEncoding('utf8');
    peer.on('connect', () => peer.write(`${command}\r\n`));
    peer.on('data', (reply: string) => {
      done(reply);
      peer.destroy();
    });
    peer.on('error', () => done(undefined));
    peer.on('close', () => done(undefined));
  });
}

async function findOnPath(...names: string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        await access(path, constants.X_OK);
        return path;
      } catch {}
    }
  }
  return undefined;
}
