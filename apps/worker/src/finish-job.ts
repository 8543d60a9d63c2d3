import { type Clock, type Job, type JobEvent, timestamp } from '@scion/contracts';
import type { JobEvents } from '@scion/queue';
import type { JobOutcome, JobRef, Jobs } from '@scion/registry';
import type { Webhooks } from '@scion/webhooks';

export interface FinishJobDeps {
  jobs: Pick<Jobs, 'finish'>;
  events: Pick<JobEvents, 'append' | 'read'>;
  webhooks: Pick<Webhooks, 'emit'>;
  clock: Clock;
}

/** Ends a job, or repeats the end of one. Returns the record as it stands. */
export type FinishJob = (ref: JobRef, outcome: Omit<JobOutcome, 'events'>) => Promise<Job>;

const isTerminal = (event: JobEvent | undefined): boolean =>
  event?.type === 'state' &&
  (event.state === 'succeeded' || event.state === 'failed' || event.state === 'cancelled');

/**
 * The record comes first: it is what lasts, and its first outcome stands. Whoever watches is told next, and the
 * webhook event, whose id comes from the job, is last. A death between any two is healed by calling this again.
 */
export function createFinishJob({ jobs, events, webhooks, clock }: FinishJobDeps): FinishJob {
  return async (ref, outcome) => {
    const stream = await events.read(ref.jobId);
    const before = stream.at(-1);
    const last: JobEvent = {
      seq: (before?.seq ?? 0) + 1,
      ...(before?.run !== undefined && { run: before.run }),
      at: timestamp(clock),
      type: 'state',
      state: outcome.state,
    };
    const kept = isTerminal(stream.at(-1)) ? stream : [...stream, last];
    const job = await jobs.finish(ref, { ...outcome, events: kept });
    if (!isTerminal(stream.at(-1))) await events.append(ref.jobId, { type: 'state', state: job.state });
    await webhooks.emit(job);
    return job;
  };
}
