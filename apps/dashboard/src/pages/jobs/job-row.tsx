import type { Job } from '@scion/sdk';
import { now } from '../../clock.js';
import { mainScore } from '../../data/scores.js';
import { duration, percent } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Bar } from '../../parts/bar.js';
import { StateBadge } from '../../parts/state-badge.js';
import { Time } from '../../parts/time.js';

export function JobHead() {
  return (
    <tr>
      <th scope="col" class="col-state">
        State
      </th>
      <th scope="col">User and task</th>
      <th scope="col" class="col-outcome from-medium">
        Outcome
      </th>
      <th scope="col" class="col-number number from-large">
        Score
      </th>
      <th scope="col" class="col-number number from-medium">
        Waited
      </th>
      <th scope="col" class="col-number number from-small">
        Took
      </th>
      <th scope="col" class="col-time from-small">
        Queued
      </th>
    </tr>
  );
}

interface JobRowProps {
  job: Job;
  index: number;
  /** The tenant's name where the list is of several. */
  tenant: string | undefined;
}

export function JobRow({ job, index, tenant }: JobRowProps) {
  return (
    <tr class="row" aria-rowindex={index}>
      <td>
        <StateBadge job={job} />
        {job.state === 'running' && <Bar share={job.progress} spoken={`${percent(job.progress)} done`} />}
      </td>
      <td class="cell-model">
        <a
          class="row-link"
          href={hrefOf({ page: 'jobs', tenant: job.tenantId, job: job.id })}
          title={`${job.user}\n${job.task}\n${job.id}`}
        >
          {job.user}
        </a>
        <span class="quiet">
          {job.task}
          {tenant && ` · ${tenant}`}
        </span>
      </td>
      <td class="from-medium cell-clip">
        <Outcome job={job} />
      </td>
      <td class="number from-large">{job.gate ? mainScore(job.gate.candidate).shown : '–'}</td>
      <td class="number from-medium">
        <Waited job={job} />
      </td>
      <td class="number from-small">
        <Took job={job} />
      </td>
      <td class="from-small">
        <Time at={job.createdAt} as="ago" />
      </td>
    </tr>
  );
}

/** What came of it, in a few words. */
function Outcome({ job: { version, gate, failure } }: { job: Job }) {
  if (failure) return <span title={failure.detail}>{failure.code.replaceAll('_', ' ')}</span>;
  if (version === null) return <span class="quiet">–</span>;
  return gate?.promoted ? (
    <span class="good" title={gate.reason}>
      version {version} went live
    </span>
  ) : (
    <span class="kept" title={gate?.reason}>
      version {version} kept back
    </span>
  );
}

export function Waited({ job }: { job: Job }) {
  const until = job.startedAt ?? job.finishedAt;
  const ms = (until === null ? now.value : Date.parse(until)) - Date.parse(job.createdAt);
  return <span title={`${Math.max(0, ms)} ms`}>{duration(ms)}</span>;
}

export function Took({ job }: { job: Job }) {
  if (job.startedAt === null) return <span class="quiet">–</span>;
  const end = job.finishedAt === null ? now.value : Date.parse(job.finishedAt);
  const ms = end - Date.parse(job.startedAt);
  return <span title={`${Math.max(0, ms)} ms`}>{duration(ms)}</span>;
}
