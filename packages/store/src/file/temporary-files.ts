import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@scion/contracts';
import { reservedSegment } from '../keys.js';

/** Younger files of a process that cannot be asked whether it lives are left alone: a write takes minutes at most. */
const abandonedAfterMs = 60 * 60 * 1000;

export interface TemporaryFiles {
  /** A new file with these bytes, fsynced; the caller renames, links or removes it. */
  write(body: Uint8Array): Promise<string>;
  remove(path: string): Promise<void>;
}

/**
 * The folder for files in the making, on the same file system as the objects but outside their tree, so that a listing
 * never meets one. Opening it removes what crashed writers left: files of a dead process of this machine at once, and
 * any other after an hour.
 */
export async function openTemporaryFiles(root: string, clock: Clock): Promise<TemporaryFiles> {
  const folder = join(root, reservedSegment, 'tmp');
  await mkdir(folder, { recursive: true });
  const place = await processSpace();
  const instance = randomBytes(6).toString('hex');
  let count = 0;

  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const [itsPlace, pid] = name.split('-');
    const writerIsDead = place !== 'unknown' && itsPlace === place && !lives(Number(pid));
    const modifiedMs = await stat(path).then(
      (info) => info.mtimeMs,
      () => undefined,
    );
    if (modifiedMs === undefined) continue;
    if (writerIsDead || clock() - modifiedMs > abandonedAfterMs)
      await rm(path, { force: true, recursive: true });
  }

  const remove = (path: string) => rm(path, { force: true });
  return {
    remove,
    async write(body) {
      const path = join(folder, `${place}-${process.pid}-${instance}-${count++}`);
      const handle = await open(path, 'wx', 0o600);
      try {
        await handle.writeFile(body);
        await handle.sync();
      } catch (error) {
        await remove(path);
        throw error;
      } finally {
        await handle.close();
      }
      return path;
    },
  };
}

/**
 * Names the set of processes among which a process id means one process: this boot of this machine and, as containers
 * number their own, this pid namespace. `unknown` where the system does not tell (not Linux).
 */
async function processSpace(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const namespace = await readlink('/proc/self/ns/pid');
    return createHash('sha256').update(boot).update(namespace).digest('hex').slice(0, 16);
  } catch {
    return 'unknown';
  }
}

function lives(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
