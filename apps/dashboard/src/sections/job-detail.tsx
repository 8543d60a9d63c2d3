import type { Job, JobStage } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { assembleCurves } from '../curves.js';
import { duration, percent } from '../format.js';
import { type JobEvents, useJobEvents } from '../job-events.js';
import { useLive } from '../live.js';
import { hrefOf } from '../navigation.js';
import { Bar } from '../parts/bar.js';
import { ConfirmDialog } from '../parts/confirm-dialog.js';
import { Copyable } from '../parts/copyable.js';
import { Fact, Facts } from '../parts/facts.js';
import { ErrorNote, Loading } from '../parts/notice.js';
import { StateBadge } from '../parts/state-badge.js';
import { Time } from '../parts/time.js';
import type { Scope } from '../scope.js';
import { Gate } from './gate.js';
import { JobDuration } from './jobs.js';
import { LossChart } from './loss-chart.js';

interface JobDetailProps {
  jobId: string;
  scope: Scope;
  /** The job as the list has it, to show until the first answer. */
  known: Job | undefined;
}

/** One job: where it stands, its curves as they grow, and what the gate said. */
export function JobDetail({ jobId, scope, known }: JobDetailProps) {
  const [asksToCancel, setAsksToCancel] = useState(false);
  const live = useLive<Job>(
    `job ${jobId}`,
    (signal) => scope.client.jobs.get(jobId, { signal }),
    (job) => (job && isFinished(job.state) ? 60_000 : 1_500),
  );
  const events = useJobEvents(scope.client, jobId);
  const { refresh } = live;
  useEffect(() => {
    if (events.ended) refresh();
  }, [events.ended, refresh]);

  const job = live.data ?? known;
  if (!job) {
    return (
      <article class="details" data-details>
        {live.error !== undefined ? (
          <ErrorNote error={live.error} retry={refresh} />
        ) : (
          <Loading rows={4} what="the job" />
        )}
      </article>
    );
  }
  return (
    <article class="details" data-details aria-label={`Job of ${job.user}, ${job.task}`}>
      <header class="details-head">
        <div>
          <h3>
            <a href={hrefOf({ section: 'models', model: { task: job.task, user: job.user } })}>{job.user}</a>
          </h3>
          <p class="quiet">{job.task}</p>
        </div>
        <StateBadge job={job} />
        {!isFinished(job.state) && (
          <button type="button" class="button" onClick={() => setAsksToCancel(true)}>
            Cancel job
          </button>
        )}
      </header>

      <Stages job={job} events={events} />
      {job.failure && (
        <div class="note note-error">
          <p>
            <strong>{job.failure.code.replaceAll('_', ' ')}.</strong> {job.failure.detail}
          </p>
        </div>
      )}
      <Curves job={job} events={events} />
      {job.gate && <Gate gate={job.gate} version={job.version} />}

      <Facts>
        <Fact name="Queued">
          <Time at={job.createdAt} />
        </Fact>
        {job.startedAt && (
          <Fact name="Waited">{duration(Date.parse(job.startedAt) - Date.parse(job.createdAt))}</Fact>
        )}
        {job.startedAt && (
          <Fact name={isFinished(job.state) ? 'Took' : 'Running for'}>
            <JobDuration job={job} />
          </Fact>
        )}
        {job.attempts > 1 && <Fact name="Attempts">{job.attempts}</Fact>}
        <Fact name="Job" wide>
          <Copyable value={job.id} what="job id" />
        </Fact>
      </Facts>

      {asksToCancel && (
        <ConfirmDialog
          title="Cancel this job?"
          confirm="Cancel job"
          onConfirm={async () => {
            await scope.client.jobs.cancel(job.id);
            refresh();
          }}
          onClose={() => setAsksToCancel(false)}
        >
          <p>
            It stops at its next step and publishes nothing. The model of {job.user} stays as it is; a new job
            can be asked for at any time.
          </p>
        </ConfirmDialog>
      )}
    </article>
  );
}

const stages: JobStage[] = ['head', 'adapter', 'evaluating', 'publishing'];

/** The way of a run; a stage the recipe leaves out stays blank. */
function Stages({ job, events }: { job: Job; events: JobEvents }) {
  const seen = new Set(events.list.map((event) => event.stage));
  return (
    <div class="stages">
      <ol>
        {stages.map((stage) => (
          <li
            key={stage}
            class={
              job.stage === stage && job.state === 'running'
                ? 'stage-now'
                : seen.has(stage)
                  ? 'stage-seen'
                  : ''
            }
            aria-current={job.stage === stage && job.state === 'running' ? 'step' : undefined}
          >
            {stage}
          </li>
        ))}
      </ol>
      {job.state === 'running' && <Bar share={job.progress} spoken={`${percent(job.progress)} done`} />}
    </div>
  );
}

function Curves({ job, events }: { job: Job; events: JobEvents }) {
  const data = assembleCurves(events.list);
  if (data.curves.length > 0) {
    return (
      <>
        {events.error !== undefined && <ErrorNote error={events.error} retry={events.reopen} stale />}
        <LossChart data={data} growing={!isFinished(job.state)} />
      </>
    );
  }
  if (events.error !== undefined) return <ErrorNote error={events.error} retry={events.reopen} />;
  const why =
    job.state === 'queued'
      ? 'The curve starts when a worker takes the job.'
      : isFinished(job.state)
        ? events.ended
          ? 'This job ended before its first training step.'
          : 'Reading the curve…'
        : 'Reading examples; the first training step is about to come.';
  return <p class="curve-none quiet">{why}</p>;
}
