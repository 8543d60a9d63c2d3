import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRedis {
  /** The unix socket. */
  path: string;
  /** The socket as a URL of the form `unix:///…`, which ioredis takes. */
  url: string;
  /** Options for `new Redis(redis.connect())`. */
  connect(): { path: string };
  /** Forgets everything, as after the loss of Redis without its data. */
  flush(): Promise<void>;
  /** Ends the server (default SIGKILL) and returns when it is gone. What it held is lost. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, empty, on the same socket. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const startTimeoutMs = 10_000;

/** The name of the Redis-compatible server on PATH, `undefined` where there is none: then a test skips, saying so. */
export function findRedisServer(): string | undefined {
  return ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
}

/** A real redis-server (or valkey-server) of its own on a unix socket in a temporary folder, without persistence. */
export async function startRedis(): Promise<TestRedis> {
  const program = findRedisServer();
  if (!program) throw new Error('these tests need redis-server or valkey-server on PATH');
  const folder = await mkdtemp(join(tmpdir(), 'scion-redis-'));
  const path = join(folder, 'redis.sock');
  let child: ChildProcess | undefined;

  const endWithParent = () => child?.kill('SIGKILL');
  process.once('exit', endWithParent);

  const start = async () => {
    const options = ['--port', '0', '--unixsocket', path, '--unixsocketperm', '700', '--dir', folder];
    const memoryOnly = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    const started = spawn(program, [...options, ...memoryOnly], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let log = '';
    const keep = (chunk: Buffer) => {
      log = (log + chunk).slice(-4_000);
    };
    started.stdout.on('data', keep);
    started.stderr.on('data', keep);
    const deadline = performance.now() + startTimeoutMs;
    while (!(await say(path, 'PING').catch(() => undefined))?.startsWith('+PONG')) {
      if (started.exitCode !== null || performance.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`${program} did not start:\n${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await exited;
    // A killed server leaves its socket behind, on which the next one could not listen.
    await rm(path, { force: true });
  };

  const close = async () => {
    await kill();
    process.off('exit', endWithParent);
    await rm(folder, { recursive: true, force: true });
  };

  await start().catch(async (error) => {
    await close();
    throw error;
  });

  return {
    path,
    url: `unix://${path}`,
    connect: () => ({ path }),
    async flush() {
      const answer = await say(path, 'FLUSHALL SYNC');
      if (!answer.startsWith('+OK')) throw new Error(`FLUSHALL answered ${answer.trim()}`);
    },
    kill,
    async restart() {
      await kill();
      await start();
    },
    close,
  };
}

/** One inline command (https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands). */
function say(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    socket.once('data', (chunk) => {
      resolve(chunk.toString());
      socket.destroy();
    });
    socket.write(`${command}\r\n`);
  });
}
