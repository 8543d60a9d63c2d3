import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every 25 ms until the answer is true. Throws `what` when the time is over or there is nothing to wait for. */
export async function untilTrue(
  question: () => Promise<boolean>,
  { what, timeoutMs, stop }: { what: string; timeoutMs: number; stop?: () => boolean },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await question())) {
    if (stop?.()) throw new Error(`${what}: its process ended`);
    if (performance.now() > deadline) throw new Error(`${what} within ${timeoutMs / 1000} s`);
    await sleep(25);
  }
}
