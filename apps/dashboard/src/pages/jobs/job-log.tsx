import type { Job, JobEvent } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { clockTime, exactTime, loss, percent } from '../../format.js';
import { Switch } from '../../parts/choice.js';
import { saveFile } from '../../parts/copyable.js';
import { Panel } from '../../parts/panel.js';

const linesAtFirst = 200;

/** Everything the job told, in order. */
export function JobLog({ events, job }: { events: readonly JobEvent[]; job: Job }) {
  const [steps, setSteps] = useState(false);
  const [all, setAll] = useState(false);
  const lines = steps ? events : events.filter(({ type }) => type !== 'metric');
  const shown = all ? lines : lines.slice(-linesAtFirst);
  return (
    <Panel
      title="Events"
      note={`${events.length} in all`}
      actions={
        <>
          <Switch label="Training steps" on={steps} onChange={setSteps} />
          <button
            type="button"
            class="button button-small"
            onClick={() =>
              saveFile(
                `${job.id}.ndjson`,
                'application/x-ndjson',
                events.map((event) => `${JSON.stringify(event)}\n`).join(''),
              )
            }
          >
            Save as NDJSON
          </button>
        </>
      }
    >
      {lines.length === 0 ? (
        <p class="quiet">Nothing has happened yet.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <ol class="log" tabIndex={0} aria-label="Events of the job">
          {shown.map((event) => (
            <li key={event.seq}>
              <time dateTime={event.at} title={exactTime(event.at)}>
                {clockTime(event.at)}
              </time>
              <span class={`log-${event.type}`}>{say(event)}</span>
            </li>
          ))}
        </ol>
      )}
      {shown.length < lines.length && (
        <button type="button" class="button more" onClick={() => setAll(true)}>
          Show all {lines.length}
        </button>
      )}
    </Panel>
  );
}

function say(event: JobEvent): string {
  if (event.type === 'state') return `The job is ${event.state}.`;
  if (event.type === 'stage') {
    const done = event.progress === undefined ? '' : `, ${percent(event.progress)} done`;
    return `Stage ${event.stage}${done}`;
  }
  const parts = [`${event.series ?? 'loss'}, step ${event.step}`];
  if (event.loss !== undefined) parts.push(`training ${loss(event.loss)}`);
  if (event.validationLoss !== undefined) parts.push(`validation ${loss(event.validationLoss)}`);
  return parts.join(', ');
}
