import type { Job, JobEvent, JobStage } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { now } from '../../clock.js';
import { duration, percent, rate } from '../../format.js';
import { Bar } from '../../parts/bar.js';

const stages: readonly (readonly [JobStage, string])[] = [
  ['head', 'Head'],
  ['adapter', 'Adapter'],
  ['evaluating', 'Evaluate'],
  ['publishing', 'Publish'],
];

/** The way of a run, each stage with the time it took; one that the recipe leaves out stays blank. */
export function Stages({ job, events }: { job: Job; events: readonly JobEvent[] }) {
  const begun = new Map<JobStage, number>();
  for (const { stage, at } of events) if (stage && !begun.has(stage)) begun.set(stage, Date.parse(at));
  const end = job.finishedAt ? Date.parse(job.finishedAt) : now.value;
  const starts = [...begun.values(), end].sort((a, b) => a - b);
  const over = isFinished(job.state);
  return (
    <div class="stages">
      <ol>
        {stages.map(([stage, name]) => {
          const from = begun.get(stage);
          const runs = job.stage === stage && job.state === 'running';
          const to = from === undefined ? undefined : (starts.find((at) => at > from) ?? end);
          return (
            <li
              key={stage}
              class={runs ? 'stage-now' : from !== undefined ? 'stage-seen' : ''}
              aria-current={runs ? 'step' : undefined}
            >
              <span class="stage-name">{name}</span>
              <span class="stage-time">
                {from !== undefined && to !== undefined ? duration(to - from) : over ? 'left out' : ''}
              </span>
            </li>
          );
        })}
      </ol>
      {job.state === 'running' && (
        <div class="pace">
          <Bar share={job.progress} spoken={`${percent(job.progress)} done`} />
          <Pace events={events} />
        </div>
      )}
    </div>
  );
}

/** How fast it trains and when this stage will end, as last told. */
function Pace({ events }: { events: readonly JobEvent[] }) {
  const last = events.findLast(({ examplesPerSecond }) => examplesPerSecond !== undefined);
  if (!last) return null;
  const { examplesPerSecond = 0, etaSeconds } = last;
  const left = etaSeconds === undefined ? undefined : etaSeconds * 1000 - (now.value - Date.parse(last.at));
  return (
    <span class="quiet">
      {rate(examplesPerSecond)} examples/s
      {left !== undefined && left > 0 && `, ${duration(left)} left in this stage`}
    </span>
  );
}
