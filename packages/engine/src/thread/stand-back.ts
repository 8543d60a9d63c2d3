import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * On top of the process's own, as of nice(1). With an API and a worker on the same two cores it let eight callers get 111 answers
 * a second instead of 90 while jobs trained; 10 for the worker's threads did no more.
 */
const NICENESS = 5;

/**
 * Lowers the scheduling priority of this thread alone, so that on a machine whose processors are all at work the event loops
 * that feed the threads go first. Linux only: there setpriority(2) takes a thread's id (its "C library/kernel differences");
 * elsewhere it would lower the whole process, and nothing is done.
 */
export function standBack(): void {
  if (process.platform !== 'linux') return;
  try {
    // "<process>/task/<thread>"
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(19, getPriority(thread) + NICENESS));
  } catch {
    // No /proc, or a sandbox without the call: all is computed the same, only in another order.
  }
}
