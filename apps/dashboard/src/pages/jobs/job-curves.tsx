import type { Job, JobEvent, Page, Task } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { LossChart } from '../../charts/loss-chart.js';
import { assembleCurves, meanOfFolds, overlay } from '../../data/curves.js';
import { type JobEvents, useJobEvents } from '../../data/job-events.js';
import { useLive } from '../../data/live.js';
import { localTime } from '../../format.js';
import { parameter, route, setParameters } from '../../navigation.js';
import { Choice, Switch } from '../../parts/choice.js';
import { ErrorNote } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import type { Scope } from '../../scope.js';

interface JobCurvesProps {
  job: Job;
  events: JobEvents;
  scope: Scope;
}

const views = [
  ['mean', 'Mean of folds'],
  ['each', 'Each fold'],
] as const;

/** More runs than these cannot be told apart. */
const mostRuns = 4;

/** The loss curves of a run, and of further runs of the same model laid over it. How they are drawn is in the address. */
export function JobCurves({ job, events, scope }: JobCurvesProps) {
  const log = parameter('scale') === 'log';
  const view = parameter('folds') === 'each' ? 'each' : 'mean';
  const [smoothing, setSmoothing] = useState(
    Math.min(0.95, Math.max(0, Number(parameter('smooth') ?? 0) || 0)),
  );
  const others = (route.value.query?.with ?? []).slice(0, mostRuns);
  const [told, setTold] = useState<Record<string, readonly JobEvent[]>>({});

  // A gate knows of which kind the task was; while there is none, only the task itself does.
  const task = useLive<Task>(
    `task ${job.task}`,
    (signal) => scope.client.tasks.get(job.task, { signal }),
    60_000,
  );
  const isValue = job.gate ? job.gate.candidate.r2 !== undefined : task.data?.kind === 'regression';
  const isKnown = job.gate !== null || task.data !== undefined;

  const data = useMemo(() => {
    const shape = view === 'mean' || others.length > 0 ? meanOfFolds : <T,>(curves: T) => curves;
    const own = shape(assembleCurves(events.list));
    if (others.length === 0) return own;
    return overlay([
      { name: 'this run', curves: own },
      ...others.map((id) => ({ name: shortId(id), curves: shape(assembleCurves(told[id] ?? [])) })),
    ]);
  }, [events.list, view, others.join(), told]);

  return (
    <Panel
      title="Loss"
      note={
        isKnown &&
        (isValue
          ? 'mean of half the squared error, values scaled to a variance of 1'
          : 'mean cross-entropy, nats')
      }
      actions={
        data.steps.length > 0 && (
          <>
            {others.length === 0 && (
              <Choice
                label="Folds"
                options={views}
                value={view}
                onChoose={(folds) => setParameters({ folds: folds === 'mean' ? '' : folds })}
              />
            )}
            <label class="slider">
              Smoothing
              <input
                type="range"
                min="0"
                max="0.95"
                step="0.05"
                value={smoothing}
                onInput={({ currentTarget: { value } }) => setSmoothing(Number(value))}
                // Browsers limit how often an address may change.
                onChange={({ currentTarget: { value } }) =>
                  setParameters({ smooth: value === '0' ? '' : value })
                }
              />
            </label>
            <Switch label="Log scale" on={log} onChange={(on) => setParameters({ scale: on ? 'log' : '' })} />
          </>
        )
      }
    >
      {data.curves.length > 0 ? (
        <>
          {events.error !== undefined && <ErrorNote error={events.error} retry={events.reopen} stale />}
          <LossChart
            data={data}
            unit={isKnown && !isValue ? ' nats' : ''}
            growing={!isFinished(job.state)}
            log={log}
            smoothing={smoothing}
            heightPx={innerWidth < 640 ? 240 : 320}
          />
          <Compare job={job} scope={scope} others={others} />
        </>
      ) : events.error !== undefined ? (
        <ErrorNote error={events.error} retry={events.reopen} />
      ) : (
        <p class="curve-none quiet">{whyNone(job, events)}</p>
      )}
      {others.map((id) => (
        <OtherRun
          key={id}
          jobId={id}
          scope={scope}
          onEvents={(list) => setTold((known) => ({ ...known, [id]: list }))}
        />
      ))}
    </Panel>
  );
}

/** Reads another run's events; draws nothing itself. */
function OtherRun(props: { jobId: string; scope: Scope; onEvents(events: readonly JobEvent[]): void }) {
  const { list } = useJobEvents(props.scope.client, props.jobId);
  useEffect(() => props.onEvents(list), [list]);
  return null;
}

/** Other runs of the same model, to lay over this one. */
function Compare({ job, scope, others }: { job: Job; scope: Scope; others: string[] }) {
  const runs = useLive<Page<Job>>(
    `runs of ${job.id}`,
    (signal) => scope.client.jobs.list({ task: job.task, user: job.user, limit: 20 }, { signal }),
    15_000,
  );
  const offered = runs.data?.data.filter(({ id, startedAt }) => id !== job.id && startedAt !== null) ?? [];
  if (offered.length === 0 && others.length === 0) return null;
  const toggle = (id: string) =>
    setParameters({ with: others.includes(id) ? others.filter((one) => one !== id) : [...others, id] });
  return (
    <fieldset class="chips">
      <legend>Lay over</legend>
      {offered.map((run) => (
        <label key={run.id} class="chip" title={run.id}>
          <input
            type="checkbox"
            checked={others.includes(run.id)}
            disabled={!others.includes(run.id) && others.length >= mostRuns}
            onChange={() => toggle(run.id)}
          />
          <span>
            {shortId(run.id)}
            {run.version !== null && ` · v${run.version}`} · {localTime(run.createdAt, Date.now())}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const shortId = (jobId: string) => `…${jobId.slice(-5)}`;

function whyNone(job: Job, events: JobEvents): string {
  if (job.state === 'queued') return 'The curve starts when a worker takes the job.';
  if (job.state === 'paused') return 'The job is paused; its curve starts again when it is resumed.';
  if (!isFinished(job.state)) return 'Reading examples; the first training step is about to come.';
  return events.ended ? 'This job ended before its first training step.' : 'Reading the curve…';
}
