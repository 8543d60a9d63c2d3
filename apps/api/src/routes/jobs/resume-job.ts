import { Job, JobId } from '@scion/contracts';
import { trainingPayload } from '@scion/queue';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function resumeJob(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.post(
    '/v1/jobs/:job/resume',
    {
      config: { problems: ['job_not_found', 'job_finished'] },
      schema: {
        operationId: 'resumeJob',
        tags: ['jobs'],
        summary: 'Resume a paused training job',
        description:
          'It goes to the end of its tenant’s queue. A job that is not paused, or not yet, is left to go on.',
        params: Type.Object({ job: JobId }),
        response: { 200: Job },
      },
    },
    async (request) => {
      const job = await registry.jobs.resume(tenantOf(request), request.params.job);
      if (job.state === 'queued') await queue.events.append(job.id, { type: 'state', state: 'queued' });
      await queue.resumeTraining(trainingPayload(job, request.id));
      return job;
    },
  );
}
