import '../../styles/job.css';
import type { Job } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useEffect } from 'preact/hooks';
import { useJobEvents } from '../../data/job-events.js';
import { useLive } from '../../data/live.js';
import { plural } from '../../format.js';
import { hrefOf, route } from '../../navigation.js';
import { Copyable } from '../../parts/copyable.js';
import { Fact, Facts } from '../../parts/facts.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import { Panel } from '../../parts/panel.js';
import { StateBadge } from '../../parts/state-badge.js';
import { Time } from '../../parts/time.js';
import type { TenantPageProps } from '../pages.js';
import { Gate } from './gate.js';
import { JobActions } from './job-actions.js';
import { JobCurves } from './job-curves.js';
import { JobLog } from './job-log.js';
import { Took, Waited } from './job-row.js';
import { Stages } from './stages.js';
import { WorkerLog } from './worker-log.js';

/** One job: where it stands, its curves as they grow, what the gate said, and what can be done about it. */
export function JobPage({ scope }: TenantPageProps) {
  const jobId = route.value.job ?? '';
  const live = useLive<Job>(
    `job ${jobId}`,
    (signal) => scope.client.jobs.get(jobId, { signal }),
    (job) => (job && isFinished(job.state) ? 60_000 : 1_000),
  );
  const events = useJobEvents(scope.client, jobId);
  const { refresh } = live;
  useEffect(() => {
    if (events.ended) refresh();
  }, [events.ended, refresh]);

  const within = <a href={hrefOf({ page: 'jobs' })}>Jobs</a>;
  const job = live.data;
  if (!job) {
    return (
      <>
        <PageHead title="Job" within={within} />
        {live.error === undefined ? (
          <Loading rows={6} what="the job" />
        ) : (
          <ErrorNote error={live.error} retry={refresh} />
        )}
      </>
    );
  }
  const changed = () => {
    refresh();
    // A job that was paused or tried again tells more.
    events.reopen();
  };
  return (
    <>
      <PageHead
        title={job.user}
        within={
          <>
            {within} / <a href={hrefOf({ page: 'jobs', query: { task: [job.task] } })}>{job.task}</a>
          </>
        }
        beside={<StateBadge job={job} />}
        actions={<JobActions job={job} scope={scope} onChange={changed} />}
      />
      {live.error !== undefined && <ErrorNote error={live.error} retry={refresh} stale />}
      {job.failure && (
        <div class="note note-error" role="alert">
          <p>
            <strong>{job.failure.code.replaceAll('_', ' ')}.</strong> {job.failure.detail}
          </p>
        </div>
      )}
      <Stages job={job} events={events.list} />
      <JobCurves job={job} events={events} scope={scope} />
      <div class="columns">
        <div class="column">
          {job.gate && <Gate gate={job.gate} version={job.version} />}
          <JobLog events={events.list} job={job} />
          <WorkerLog job={job} scope={scope} />
        </div>
        <Panel title="Facts">
          <Facts>
            <Fact name="Model">
              <a href={hrefOf({ page: 'models', model: { task: job.task, user: job.user } })}>
                {job.task}, {job.user}
              </a>
            </Fact>
            <Fact name="Version">{job.version === null ? 'none' : `v${job.version}`}</Fact>
            <Fact name="Queued">
              <Time at={job.createdAt} />
            </Fact>
            <Fact name="Waited">
              <Waited job={job} />
            </Fact>
            {job.startedAt && (
              <Fact name="Started">
                <Time at={job.startedAt} />
              </Fact>
            )}
            <Fact name={isFinished(job.state) ? 'Took' : 'Running for'}>
              <Took job={job} />
            </Fact>
            <Fact name="Attempts">{plural(job.attempts, 'attempt')}</Fact>
            <Fact name="Priority">{job.priority ?? 'interactive'}</Fact>
            {job.retryOf && (
              <Fact name="Tries again">
                <a href={hrefOf({ page: 'jobs', job: job.retryOf })}>…{job.retryOf.slice(-6)}</a>
              </Fact>
            )}
            <Fact name="Job id" wide>
              <Copyable value={job.id} what="job id" />
            </Fact>
          </Facts>
        </Panel>
      </div>
    </>
  );
}
