import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Supervised, Supervisor } from './supervisor.js';

const startsWithinMs = 10_000;

/** What the other processes connect to: a URL or the path of a unix socket, both understood by ioredis. */
export interface RedisServer {
  url: string;
  /** What it is, for the start-up line. */
  description: string;
}

interface Options {
  redisUrl: string | undefined;
  dataPath: string;
  runPath: string;
  supervisor: Supervisor;
  /** Ends the wait for a Redis that starts. */
  signal: AbortSignal;
  say(line: string): void;
}

/**
 * Finds or starts a Redis, in this order: `REDIS_URL`; a child redis-server or valkey-server on a unix socket with an
 * append-only file in the data folder; js-redis-server, which is pure JavaScript, slow, and forgets everything when
 * it stops (Scion rebuilds its indexes from object storage, yet this is for a first look only).
 */
export async function startRedisServer(options: Options): Promise<RedisServer> {
  if (options.redisUrl) return { url: options.redisUrl, description: 'REDIS_URL' };
  const socket = join(options.runPath, 'redis.sock');
  // A supervisor that was killed leaves its Redis behind. It writes to the same files, so it must go first.
  await sendCommand(socket, 'SHUTDOWN');
  await rm(socket, { force: true });
  const binary = await findOnPath('redis-server', 'valkey-server');
  return binary ? startNative(binary, socket, options) : startJavaScript(socket, options);
}

async function startNative(
  binary: string,
  socket: string,
  { dataPath, supervisor, signal, say }: Options,
): Promise<RedisServer> {
  const folder = join(dataPath, 'redis');
  await mkdir(folder, { recursive: true, mode: 0o700 });
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
  await untilReady(child, socket, { signal, say });
  return { url: socket, description: `${binary} on a unix socket, append-only file in ${folder}` };
}

async function startJavaScript(socket: string, { supervisor, signal, say }: Options): Promise<RedisServer> {
  say(
    'WARNING: no redis-server or valkey-server found: using js-redis-server, in memory and many times slower.',
  );
  say(
    'WARNING: queued jobs are re-read from object storage after a restart. Install redis for anything but a look.',
  );
  const main = fileURLToPath(new URL('./js-redis.js', import.meta.url));
  const child = supervisor.start({
    name: 'redis',
    spawn: () =>
      spawn(process.execPath, [main, socket], {
        // The channel is its lifeline: however the supervisor ends, it does not outlive it.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
      }),
  });
  await untilReady(child, socket, { signal, say });
  return { url: socket, description: 'js-redis-server on a unix socket (in memory)' };
}

/**
 * Asks every 25 ms. One that reads its files is waited for however long that takes: to end it would not make the next start
 * shorter. Throws when another does not answer in time, when the process has ended, and when the signal aborts.
 */
async function untilReady(
  child: Supervised,
  socket: string,
  { signal, say }: Pick<Options, 'signal' | 'say'>,
): Promise<void> {
  let deadline = performance.now() + startsWithinMs;
  for (;;) {
    const reply = await sendCommand(socket, 'PING');
    if (reply?.startsWith('+PONG')) return;
    if (reply?.startsWith('-LOADING') && deadline < Number.POSITIVE_INFINITY) {
      say('Redis is reading its append-only file; waiting until it has');
      deadline = Number.POSITIVE_INFINITY;
    }
    if (child.exited()) throw new Error('Redis did not answer PING: its process ended');
    if (performance.now() > deadline)
      throw new Error(`Redis did not answer PING within ${startsWithinMs / 1000} s`);
    await sleep(25, undefined, { signal });
  }
}

/** One inline command (RESP allows plain lines); the reply's first bytes, or undefined when nobody listens. */
function sendCommand(socket: string, command: string): Promise<string | undefined> {
  return new Promise((done) => {
    const peer = connect(socket);
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
