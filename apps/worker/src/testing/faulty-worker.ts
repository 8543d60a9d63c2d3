/**
 * A worker that dies of SIGKILL at a chosen write. For the user `kill-after-3` it dies just after its third write to
 * that user's folder; once each, as a file per user remembers. It writes a checkpoint after every epoch.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorForLog } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import pino from 'pino';
import { readConfig } from '../config.js';
import { startWorker } from '../start-worker.js';

const folder = process.env.SCION_DATA ?? '';
const writes = new Map<string, number>();

async function survive<T>(key: string, write: () => Promise<T>): Promise<T> {
  const result = await write();
  const [, user, at] = /\/users\/(kill-after-(\d+))\//.exec(key) ?? [];
  if (user === undefined) return result;
  const number = (writes.get(user) ?? 0) + 1;
  writes.set(user, number);
  const mark = join(folder, `died-of-${user}`);
  if (number === Number(at) && !existsSync(mark)) {
    writeFileSync(mark, key);
    process.kill(process.pid, 'SIGKILL');
  }
  return result;
}

/** Dies just after the first checkpoint of the user `kill-at-checkpoint`; once. */
async function dieAtCheckpoint<T>(key: string, write: Promise<T>): Promise<T> {
  const result = await write;
  const mark = join(folder, 'died-at-checkpoint');
  if (/\/users\/kill-at-checkpoint\/.*\.checkpoint\./.test(key) && !existsSync(mark)) {
    writeFileSync(mark, key);
    process.kill(process.pid, 'SIGKILL');
  }
  return result;
}

const wrapStore = (store: ObjectStore): ObjectStore => ({
  ...store,
  put: (key, body) =>
    dieAtCheckpoint(
      key,
      survive(key, () => store.put(key, body)),
    ),
  create: (key, body) => survive(key, () => store.create(key, body)),
});

const worker = await startWorker({
  config: readConfig(process.env),
  log: pino({ level: 'info', serializers: { err: errorForLog } }),
  wrapStore,
  timings: {
    queue: { lockMs: 2_000, stalledIntervalMs: 700, busyRetryMs: 250 },
    registryLockMs: 1_000,
    checkpointSeconds: 0,
  },
});
process.once('SIGTERM', () => worker.close().then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0));
