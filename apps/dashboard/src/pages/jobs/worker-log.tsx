import { isFinished, type Job, type JobLogLine } from '@scion/sdk';
import { useLive } from '../../data/live.js';
import { clockTime, exactTime } from '../../format.js';
import { ErrorNote } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import type { Scope } from '../../scope.js';

/** What workers logged of the job, all attempts; the service keeps it for a week. */
export function WorkerLog({ job, scope }: { job: Job; scope: Scope }) {
  const log = useLive<JobLogLine[]>(
    `log ${job.id} ${job.state}`,
    (signal) => scope.client.jobs.logs(job.id, { signal }),
    isFinished(job.state) ? 60_000 : 2_000,
  );
  const lines = log.data ?? [];
  return (
    <Panel title="Worker log" note={lines.length > 0 ? 'without inputs and labels' : undefined}>
      {log.error !== undefined && <ErrorNote error={log.error} retry={log.refresh} stale={!!log.data} />}
      {lines.length === 0 ? (
        <p class="quiet">{log.data ? 'No worker has told anything, or it is more than a week ago.' : '…'}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <ol class="log" tabIndex={0} aria-label="Lines of the worker’s log">
          {lines.map(({ at, level, attempt, message, fields }, index) => (
            <li key={`${at} ${index}`} class={`log-${level}`}>
              <time dateTime={at} title={exactTime(at)}>
                {clockTime(at)}
              </time>
              <span>
                {message}
                {attempt > 1 && `, attempt ${attempt}`}
                <span class="log-fields">
                  {Object.entries(fields).map(([name, value]) => (
                    <span key={name}>
                      {name} <b>{String(value)}</b>
                    </span>
                  ))}
                </span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
