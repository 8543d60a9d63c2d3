import { type Clock, timestamp } from '@scion/contracts';
import type { RunningJob } from '@scion/meter';
import type { TrainingPayload } from '@scion/queue';

/** Knows which jobs this process trains. */
export interface Activity {
  /** The handler, noting each job while it runs. */
  watch<C>(
    handler: (payload: TrainingPayload, context: C) => Promise<void>,
  ): (payload: TrainingPayload, context: C) => Promise<void>;
  running(): RunningJob[];
}

/** @param onRan told how long each run took, in seconds */
export function createActivity(clock: Clock, onRan: (tenantId: string, seconds: number) => void): Activity {
  const jobs = new Map<string, RunningJob>();
  return {
    watch: (handler) => async (payload, context) => {
      const { jobId, tenantId, task } = payload;
      // No user: what a process says of itself outlives the erasure of a user by some seconds.
      jobs.set(jobId, { jobId, tenantId, task, startedAt: timestamp(clock) });
      const begunMs = performance.now();
      try {
        await handler(payload, context);
      } finally {
        jobs.delete(jobId);
        onRan(tenantId, (performance.now() - begunMs) / 1_000);
      }
    },
    running: () => [...jobs.values()],
  };
}
