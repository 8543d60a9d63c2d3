import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * Lowers the scheduling priority of this thread alone, so that on a machine whose processors are all at work the event loops
 * that feed it go first. Linux only: there setpriority(2) takes a thread's id (its "C library/kernel differences"), elsewhere
 * it would lower the whole process, and nothing is done.
 *
 * @param niceness 0 to 19, on top of the process's own, as of nice(1)
 */
export function lowerPriority(niceness: number): void {
  if (process.platform !== 'linux' || niceness === 0) return;
  try {
    // "<process>/task/<thread>"
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(19, getPriority(thread) + niceness));
  } catch {
    // No /proc, or a sandbox without the call: all is computed the same, only in another order.
  }
}
