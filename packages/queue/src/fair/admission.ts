import { randomUUID } from 'node:crypto';
import type { Admitted, FairQueue } from './fair-queue.js';

export interface Admission {
  /** Admits for every slot that is free now, or became free while this ran. Failures go to `onError`: a worker repeats it. */
  pump(): Promise<void>;
  /** Keeps a worker's slots known while it lives, and repairs what others left. */
  serve(slots: number): Promise<{ stop(): Promise<void> }>;
  /** Says again that the workers of this process live, e.g. to a Redis that forgot it. */
  refresh(): Promise<void>;
}

/** Moves jobs from the fair queue to BullMQ, at most as many as workers can run. */
export function createAdmission(options: {
  fair: FairQueue;
  /** Hands a job to BullMQ. Must be safe to repeat. */
  hand(job: Admitted): Promise<void>;
  heartbeatMs: number;
  onError(error: Error): void;
}): Admission {
  const { fair, hand, onError } = options;
  const workers = new Map<string, number>();
  let pumping: Promise<void> | undefined;
  let again = false;

  async function pumpOnce(): Promise<void> {
    do {
      again = false;
      await Promise.all((await fair.admit()).map(hand));
    } while (again);
  }

  function pump(): Promise<void> {
    again = true;
    pumping ??= pumpOnce()
      .catch(onError)
      .finally(() => {
        pumping = undefined;
      });
    return pumping;
  }

  async function tend(workerId: string, slots: number): Promise<void> {
    await Promise.all((await fair.tend(workerId, slots)).map(hand));
    await pump();
  }

  return {
    pump,
    async serve(slots) {
      const workerId = randomUUID();
      workers.set(workerId, slots);
      await tend(workerId, slots);
      const timer = setInterval(() => {
        tend(workerId, slots).catch(onError);
      }, options.heartbeatMs);
      timer.unref();
      return {
        async stop() {
          clearInterval(timer);
          workers.delete(workerId);
          await fair.retire(workerId).catch(onError);
        },
      };
    },
    async refresh() {
      for (const [workerId, slots] of workers) await tend(workerId, slots);
    },
  };
}
