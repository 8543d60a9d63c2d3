/**
 * A worker that dies of SIGKILL at a chosen write. The model of user `kill-before-3` is where it dies just before its
 * third write to that user's folder, of `kill-after-3` just after it; once each, as a file per user remembers.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectStore } from '@scion/store';
import pino from 'pino';
import { readConfig } from './config.js';
import { startWorker } from './start-worker.js';

const folder = process.env.SCION_DATA ?? '';
const writes = new Map<string, number>();

async function survive<T>(key: string, write: () => Promise<T>): Promise<T> {
  const [, user, side, at] = /\/users\/(kill-(before|after)-(\d+))\//.exec(key) ?? [];
  if (user === undefined) return write();
  const number = (writes.get(user) ?? 0) + 1;
  writes.set(user, number);
  const die = (now: string): void => {
    const mark = join(folder, `died-of-${user}`);
    if (side !== now || Number(at) !== number || existsSync(mark)) return;
    writeFileSync(mark, key);
    process.kill(process.pid, 'SIGKILL');
  };
  die('before');
  const result = await write();
  die('after');
  return result;
}

const wrapStore = (store: ObjectStore): ObjectStore => ({
  ...store,
  put: (key, body) => survive(key, () => store.put(key, body)),
  create: (key, body) => survive(key, () => store.create(key, body)),
});

const worker = await startWorker({
  config: readConfig(process.env),
  log: pino({ level: 'info' }),
  wrapStore,
  timings: { queue: { lockMs: 1_000, stalledIntervalMs: 500, busyRetryMs: 250 }, registryLockMs: 1_000 },
});
process.once('SIGTERM', () => worker.close().then(() => process.exit(0)));
