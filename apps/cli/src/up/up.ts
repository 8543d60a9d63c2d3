import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrunkType } from '@scion/engine';
import { runDemo } from '../demo/demo.js';
import { failureOf } from '../failure.js';
import { chosenBase, ensureBase } from './base.js';
import { claimDataFolder, type DataFolder } from './data-folder.js';
import { requireFreePort } from './free-port.js';
import { operatorKey } from './operator-key.js';
import { startRedisServer } from './redis-server.js';
import { createSupervisor, type Supervisor } from './supervisor.js';

export interface UpOptions {
  data: string;
  host: string;
  port: number;
  threads: number;
  /** Folder of a registered base; undefined is the default one. */
  base: string | undefined;
  trunk: TrunkType;
  demo: boolean;
}

/** The API says each second that it indexes: one that says nothing for so long does not start. */
const startsWithinMs = 60_000;
/** How long a worker's running jobs may go on when all stops. */
const graceSeconds = process.env.SCION_GRACE_SECONDS || '15';
/** What a worker takes to end after that, at most, and some more. */
const beyondGraceMs = 15_000;
/** How often it is said that the start goes on. */
const indexingMs = 30_000;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Paths below this folder are shown as one would type them here. */
const say = (line: string): void => print(`scion: ${line.replaceAll(`${process.cwd()}${sep}`, '')}`);

/** Starts everything, waits until it serves, and keeps it alive until SIGINT, SIGTERM or the end of its terminal. */
export async function up(options: UpOptions): Promise<void> {
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${options.port}`;
  const folder = await claimDataFolder(options.data, url);
  const logsPath = join(folder.path, 'logs');
  const supervisor = await createSupervisor({
    ...{ logsPath, notify: say },
    // A number that is none the worker refuses by itself.
    graceMs: (Number(graceSeconds) || 0) * 1_000 + beyondGraceMs,
  });

  const stopping = new AbortController();
  const { signal } = stopping;
  const told = new Set<NodeJS.Signals>();
  const stopped = new Promise<void>((done) => {
    const stop = (name: NodeJS.Signals): void => {
      // Only a person is in a hurry: a terminal that closes may say so more than once.
      if (told.has(name) && name !== 'SIGHUP') process.exit(130);
      told.add(name);
      if (signal.aborted) return;
      say('stopping (press again to leave at once)');
      stopping.abort();
      done(supervisor.stop());
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  });

  try {
    await start({ options, url, folder, logsPath, supervisor, signal });
  } catch (error) {
    // A start that was told to stop has not failed: its children ended before it.
    if (!signal.aborted) {
      await supervisor.stop();
      await folder.release();
      throw error;
    }
  }
  await stopped;
  await folder.release();
  say('stopped');
  if (told.has('SIGHUP')) {
    // Of the signal itself: at an exit Node gives the terminal its settings back, and aborts where there is none any more.
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
}

interface Start {
  options: UpOptions;
  url: string;
  folder: DataFolder;
  logsPath: string;
  supervisor: Supervisor;
  /** Ends the start with an error after the step under way. */
  signal: AbortSignal;
}

async function start({ options, url, folder, logsPath, supervisor, signal }: Start): Promise<void> {
  await requireFreePort(options.host, options.port);
  const redis = await startRedisServer({
    redisUrl: process.env.REDIS_URL,
    dataPath: folder.path,
    runPath: folder.runPath,
    supervisor,
    signal,
    say,
  });
  say(`Redis: ${redis.description}`);
  const basePath =
    options.base === undefined
      ? await ensureBase(join(folder.path, 'bases'), options.trunk, say)
      : await chosenBase(options.base, options.trunk, say);
  signal.throwIfAborted();
  const key = await operatorKey(folder.path);
  const env = {
    ...process.env,
    // With objects in S3 its SDK would print a notice about Node 20 at each start.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    SCION_DATA: folder.path,
    SCION_BASE: basePath,
    SCION_HOST: options.host,
    SCION_PORT: String(options.port),
    SCION_THREADS: String(options.threads),
    SCION_OPERATOR_KEY: key.secret,
    REDIS_URL: redis.url,
    // One's own machine: a webhook to a server on localhost is what one wants to try.
    SCION_WEBHOOK_ALLOW_PRIVATE: process.env.SCION_WEBHOOK_ALLOW_PRIVATE ?? 'true',
  };
  const said = new EventEmitter();
  // IPC is the children's lifeline: when it closes, however the supervisor ended, they stop by themselves.
  const node = (app: 'api' | 'worker', extra: Record<string, string> = {}) => ({
    name: app,
    spawn: () => {
      const main = fileURLToPath(new URL(`../../../${app}/dist/main.js`, import.meta.url));
      const child = spawn(process.execPath, [main], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
        env: { ...env, ...extra },
      });
      return child.on('message', (message) => said.emit(`${app} ${message}`));
    },
  });
  say('starting the API and a worker');
  // Heard from the child itself: whoever answers on the port need not be it, and would be sent the operator's key.
  const apiReady = once(said, 'api ready', { signal });
  // Not as a part of an AbortSignal.any, which does not keep a timeout from being collected: it would never come.
  const deadline = setTimeout(() => said.emit('error', new Error('too late')), startsWithinMs);
  supervisor.start(node('api'));
  // Training yields the processor to predictions on a machine that does both.
  const nice = process.env.SCION_WORKER_NICE ?? '5';
  supervisor.start(node('worker', { SCION_WORKER_NICE: nice, SCION_GRACE_SECONDS: graceSeconds }));
  let indexing: NodeJS.Timeout | undefined;
  said.on('api indexing', () => {
    deadline.refresh();
    if (indexing) return;
    const sayIndexing = () =>
      say('the API indexes what is stored, and will serve then; with many models it takes minutes');
    sayIndexing();
    indexing = setInterval(sayIndexing, indexingMs);
  });
  await apiReady
    .catch(() => {
      throw new Error(`the API did not become ready within ${startsWithinMs / 1000} s (see ${logsPath})`);
    })
    .finally(() => {
      clearTimeout(deadline);
      clearInterval(indexing);
      said.removeAllListeners();
    });
  say(`serving after ${(process.uptime()).toFixed(1)} s: dashboard ${url}, API reference ${url}/docs`);
  say(
    key.isNew
      ? `operator key (also in ${key.path}): ${key.secret}`
      : `operator key: in ${key.path}; logs: ${logsPath}`,
  );
  if (options.demo) {
    await runDemo({ url, operatorKey: key.secret, dataPath: folder.path, print, signal }).catch((error) => {
      signal.throwIfAborted();
      // What serves is worth more than a demo of it.
      say(`the demo failed: ${failureOf(error)?.message ?? error.message}`);
    });
  }
  say('serving; Ctrl-C stops everything');
}
