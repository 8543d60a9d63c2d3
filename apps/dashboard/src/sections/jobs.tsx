import type { Job, JobState, Page } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { now } from '../clock.js';
import { duration, percent } from '../format.js';
import { type Live, useLive } from '../live.js';
import { chosen, hrefOf } from '../navigation.js';
import { Bar } from '../parts/bar.js';
import { Command } from '../parts/copyable.js';
import { Empty, ErrorNote, Loading } from '../parts/notice.js';
import { StateBadge } from '../parts/state-badge.js';
import { Time } from '../parts/time.js';
import type { Scope } from '../scope.js';
import { JobDetail } from './job-detail.js';
import { Section } from './section.js';

const states: JobState[] = ['running', 'queued', 'succeeded', 'failed', 'cancelled'];
const rowsPerStep = 12;

export function JobsSection({ scope, waiting }: { scope: Scope | undefined; waiting: boolean }) {
  const [state, setState] = useState<JobState | ''>('');
  return (
    <Section
      name="jobs"
      title="Jobs"
      about="Each one trains one user’s model."
      actions={
        scope && (
          <label class="field">
            <span>State</span>
            <select value={state} onChange={(event) => setState(event.currentTarget.value as JobState | '')}>
              <option value="">all</option>
              {states.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      {scope ? (
        <Jobs key={`${scope.tenantId} ${state}`} scope={scope} state={state || undefined} />
      ) : waiting ? (
        <Loading rows={5} what="jobs" />
      ) : (
        <Empty title="Jobs appear here once there is a tenant" />
      )}
    </Section>
  );
}

function Jobs({ scope, state }: { scope: Scope; state: JobState | undefined }) {
  const [limit, setLimit] = useState(rowsPerStep);
  const jobs = useLive<Page<Job>>(
    `jobs ${scope.tenantId} ${state} ${limit}`,
    (signal) => scope.client.jobs.list({ state, limit }, { signal }),
    (page) => (page?.data.some((job) => !isFinished(job.state)) ? 1_500 : 4_000),
  );
  const rows = jobs.data?.data;
  const selected = chosen.value.job ?? rows?.find((job) => job.state === 'running')?.id ?? rows?.[0]?.id;
  return (
    <>
      {jobs.error !== undefined && (
        <ErrorNote error={jobs.error} retry={jobs.refresh} stale={jobs.data !== undefined} />
      )}
      {!rows && jobs.error === undefined && <Loading rows={5} what="jobs" />}
      {rows?.length === 0 && !chosen.value.job && <NoJobs state={state} />}
      {((rows && rows.length > 0) || chosen.value.job) && (
        <div class="split">
          <JobTable jobs={jobs} selected={selected} more={() => setLimit(limit + rowsPerStep * 2)} />
          {selected && (
            <JobDetail
              key={selected}
              jobId={selected}
              scope={scope}
              known={rows?.find((job) => job.id === selected)}
            />
          )}
        </div>
      )}
    </>
  );
}

interface JobTableProps {
  jobs: Live<Page<Job>>;
  selected: string | undefined;
  more: () => void;
}

function JobTable({ jobs, selected, more }: JobTableProps) {
  return (
    <div class="table-frame">
      <table>
        <caption class="hidden-text">Jobs, newest first</caption>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Model</th>
            <th scope="col" class="from-medium">
              Queued
            </th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col" class="number from-small">
              Version
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.data?.data.map((job) => (
            <tr key={job.id} aria-selected={job.id === selected} class="row">
              <td>
                <StateBadge job={job} />
                {job.state === 'running' && (
                  <Bar share={job.progress} spoken={`${percent(job.progress)} done`} />
                )}
              </td>
              <td class="model-cell">
                <a
                  class="row-link"
                  href={hrefOf({ section: 'jobs', job: job.id })}
                  title={`${job.task}, ${job.user}`}
                >
                  {job.user}
                </a>
                <span class="quiet">{job.task}</span>
              </td>
              <td class="from-medium">
                <Time at={job.createdAt} as="ago" />
              </td>
              <td class="number">
                <JobDuration job={job} />
              </td>
              <td class="number from-small">{job.version === null ? '–' : `v${job.version}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {jobs.data?.nextCursor && (
        <button type="button" class="button more" onClick={more}>
          Show older jobs
        </button>
      )}
    </div>
  );
}

/** Of the run itself; while it waits, of the waiting. */
export function JobDuration({ job }: { job: Job }) {
  if (job.startedAt === null) {
    const until = job.finishedAt === null ? now.value : Date.parse(job.finishedAt);
    return (
      <span class="quiet" title="Time in the queue">
        {duration(until - Date.parse(job.createdAt))}
      </span>
    );
  }
  const end = job.finishedAt === null ? now.value : Date.parse(job.finishedAt);
  const exactMs = end - Date.parse(job.startedAt);
  return <span title={`${Math.max(0, exactMs)} ms`}>{duration(exactMs)}</span>;
}

function NoJobs({ state }: { state: JobState | undefined }) {
  if (state) return <Empty title={`No job is ${state}`} />;
  return (
    <Empty title="No jobs yet">
      <p>Append a user’s examples, then ask for a job; its loss curve grows here while it trains.</p>
      <Command>{`curl -X POST ${location.origin}/v1/jobs \\
  -H "authorization: Bearer $SCION_KEY" \\
  -H "scion-tenant: ${chosen.value.tenant ?? 'ten_…'}" \\
  -H "content-type: application/json" \\
  -d '{"task":"inbox-triage","user":"ada@example.com"}'`}</Command>
    </Empty>
  );
}
