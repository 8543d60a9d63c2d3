import type { Overview } from '@scion/sdk';
import { now } from '../../clock.js';
import { duration, percent, plural } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Bar } from '../../parts/bar.js';
import { Panel } from '../../parts/panel.js';

interface WorkersProps {
  overview: Overview;
  names: ReadonlyMap<string, string>;
}

/** Each worker with what it trains now. */
export function Workers({ overview, names }: WorkersProps) {
  const { workers, apis } = overview.now;
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.reduce((sum, worker) => sum + worker.jobs.length, 0);
  return (
    <Panel
      title="Workers"
      note={`${busy} of ${plural(slots, 'slot')} busy, ${plural(apis, 'API process', 'API processes')}`}
      span={4}
    >
      {workers.length === 0 ? (
        <p class="bad">No worker lives; jobs wait until one starts.</p>
      ) : (
        <ul class="workers">
          {workers.map((worker) => (
            <li key={worker.id}>
              <p class="worker-name">
                <strong title={worker.id}>{shortName(worker.id)}</strong>
                <span class="quiet">
                  {worker.provider}, {plural(worker.threads, 'thread')}, up{' '}
                  {duration(now.value - Date.parse(worker.startedAt))}
                </span>
              </p>
              {worker.jobs.map((job) => (
                <a
                  key={job.jobId}
                  class="worker-job"
                  href={hrefOf({ page: 'jobs', tenant: job.tenantId, job: job.jobId })}
                >
                  <span>
                    {job.task} <span class="quiet">of {names.get(job.tenantId) ?? 'a tenant'}</span>
                  </span>
                  <span class="quiet">
                    {job.stage ?? 'starting'}, {duration(now.value - Date.parse(job.startedAt))}
                  </span>
                  <Bar share={job.progress} spoken={`${percent(job.progress)} done`} />
                </a>
              ))}
              {worker.jobs.length === 0 && <p class="quiet worker-idle">Idle, waits for a job.</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const shortName = (id: string) => (id.length > 24 ? `${id.slice(0, 12)}…${id.slice(-6)}` : id);
