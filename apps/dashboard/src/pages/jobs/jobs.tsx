import type { Job, JobState } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { parameter, setParameters } from '../../navigation.js';
import { Choice } from '../../parts/choice.js';
import { Command } from '../../parts/copyable.js';
import { momentSince, SinceFilter, TaskFilter, UserFilter } from '../../parts/filters.js';
import { LongTable } from '../../parts/long-table.js';
import { Empty } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import type { ListScope } from '../../scope.js';
import type { ListPageProps } from '../pages.js';
import { JobHead, JobRow } from './job-row.js';

const states = [
  ['', 'All'],
  ['running', 'Running'],
  ['queued', 'Queued'],
  ['paused', 'Paused'],
  ['succeeded', 'Succeeded'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

/** Every job of a tenant or of all, newest first, with the filters that its address names. */
export function JobsPage({ scope }: ListPageProps) {
  const state = (parameter('state') ?? '') as JobState | '';
  const filter = {
    state: state || undefined,
    task: parameter('task'),
    user: parameter('user'),
    since: parameter('since'),
  };
  return (
    <>
      <PageHead
        title="Jobs"
        about={
          scope.tenantId === undefined
            ? 'Of all tenants. Each job trains one user’s model.'
            : 'Each job trains one user’s model.'
        }
      />
      <search class="filters" aria-label="Filter jobs">
        <Choice
          label="State"
          options={states}
          value={state}
          onChoose={(value) => setParameters({ state: value })}
        />
        <TaskFilter scope={scope} />
        <UserFilter />
        <SinceFilter />
      </search>
      <JobList key={JSON.stringify(filter)} scope={scope} filter={filter} />
    </>
  );
}

interface JobFilter {
  state: JobState | undefined;
  task: string | undefined;
  user: string | undefined;
  since: string | undefined;
}

function JobList({ scope, filter }: { scope: ListScope; filter: JobFilter }) {
  const { since, ...rest } = filter;
  // Held still, else each answer would be to another question.
  const from = useMemo(() => momentSince(since), [since]);
  const jobs = useRows<Job>({
    key: `jobs ${JSON.stringify(filter)}`,
    load: (cursor, signal) => scope.client.jobs.list({ ...rest, from, cursor, limit: 100 }, { signal }),
    idOf: (job) => job.id,
    intervalMs: (rows) => (rows.some((job) => !isFinished(job.state)) ? 1_500 : 4_000),
  });
  return (
    <LongTable
      rows={jobs}
      what="jobs"
      caption="Jobs, newest first"
      head={<JobHead />}
      idOf={(job) => job.id}
      row={(job, index) => <JobRow job={job} index={index} tenant={tenantOf(job, scope)} />}
      empty={<NoJobs filter={filter} scope={scope} />}
    />
  );
}

/** The tenant's name where the list is of several. */
function tenantOf({ tenantId }: Job, scope: ListScope): string | undefined {
  return scope.tenantId === undefined ? (scope.names.get(tenantId) ?? `…${tenantId.slice(-6)}`) : undefined;
}

function NoJobs({ filter, scope }: { filter: JobFilter; scope: ListScope }) {
  if (Object.values(filter).some(Boolean)) {
    return (
      <Empty title="No job fits these filters">
        <p>
          <button
            type="button"
            class="button"
            onClick={() => setParameters({ state: '', task: '', user: '', since: '' })}
          >
            Show all jobs
          </button>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      <p>Append a user’s examples, then ask for a job; its loss curve grows here while it trains.</p>
      <Command>{`curl -X POST ${location.origin}/v1/jobs \\
  -H "authorization: Bearer $SCION_KEY" \\
  -H "scion-tenant: ${scope.tenantId ?? 'ten_…'}" \\
  -H "content-type: application/json" \\
  -d '{"task":"inbox-triage","user":"ada@example.com"}'`}</Command>
    </Empty>
  );
}
