import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Steps of `nice`. Each is a tenth less of the processor where another wants it; where none does, nothing. */
const NICENESS = 5;

/**
 * Lets this thread give way to its process's event loop. With a thread on every core that computes without a pause, whoever
 * wakes up waits for the end of a time slice; a loop that only hands work on must not. Linux alone has a priority for each
 * thread, known by the number under `/proc`; elsewhere this does nothing.
 */
export function yieldToEventLoop(): void {
  try {
    const [, , id] = readlinkSync('/proc/thread-self').split('/');
    setPriority(Number(id), NICENESS);
  } catch {
    // Not there, or not allowed: the threads are then equals, as before.
  }
}
