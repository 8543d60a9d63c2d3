import type { Job } from '@scion/sdk';

/** A job's state by word and colour; while it runs, its stage too. */
export function StateBadge({ job }: { job: Pick<Job, 'state' | 'stage'> }) {
  return (
    <span class={`badge badge-${job.state}`}>
      {job.state}
      {job.state === 'running' && job.stage && <span class="badge-stage"> · {job.stage}</span>}
    </span>
  );
}
