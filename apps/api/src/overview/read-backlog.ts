import { AppError, type Clock, timeOfId } from '@scion/contracts';
import type { ApiDeps } from '../ports.js';

type Backlog = Parameters<ApiDeps['meter']['overview']>[1];

/** What the queue and the job records add to an overview: jobs that wait, and how far the running ones are. */
export async function readBacklog({
  registry,
  queue,
  clock,
}: {
  registry: { jobs: Pick<ApiDeps['registry']['jobs'], 'get'> };
  queue: Pick<ApiDeps['queue'], 'counts' | 'backlog'>;
  clock: Clock;
}): Promise<Backlog> {
  const [{ training }, tenants] = await Promise.all([queue.counts(), queue.backlog()]);
  const ages = tenants.flatMap(({ firstJobs }) => firstJobs).map((jobId) => clock() - timeOfId(jobId));
  const oldestWaitSeconds = ages.length === 0 ? null : Math.max(0, ...ages) / 1_000;
  return {
    queue: { ...training, oldestWaitSeconds },
    async stageOf(tenantId, jobId) {
      try {
        const { stage, progress } = await registry.jobs.get(tenantId, jobId);
        return { stage, progress };
      } catch (error) {
        // Erased with its user; its worker will notice.
        if (error instanceof AppError && error.code === 'job_not_found') return { stage: null, progress: 0 };
        throw error;
      }
    },
  };
}

/** Tenants whose waiting jobs get a count of their own in each minute. */
const mostTenants = 50;

/** Notes how many jobs wait, if no other process has done so within `everyMs`. */
export async function sampleBacklog({
  queue,
  meter,
  everyMs,
}: {
  queue: Pick<ApiDeps['queue'], 'backlog'>;
  meter: {
    isMyTurn(what: string, ms: number): Promise<boolean>;
    waiting(total: number, byTenant: Iterable<[string, number]>): void;
  };
  everyMs: number;
}): Promise<void> {
  if (!(await meter.isMyTurn('backlog', everyMs))) return;
  const tenants = await queue.backlog();
  const total = tenants.reduce((sum, { waiting }) => sum + waiting, 0);
  meter.waiting(
    total,
    tenants.slice(0, mostTenants).map(({ tenantId, waiting }): [string, number] => [tenantId, waiting]),
  );
}
