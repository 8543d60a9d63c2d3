import { AppError, Job, JobId } from '@scion/contracts';
import { trainingPayload } from '@scion/queue';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import { tellQuotas } from '../../quota/tell-quotas.js';
import type { App } from '../../server.js';
import { requireExamples } from './require-examples.js';

export function retryJob(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.post(
    '/v1/jobs/:job/retry',
    {
      config: {
        problems: [
          'job_not_found',
          'job_not_failed',
          'task_not_found',
          'too_few_examples',
          'label_wrong_kind',
          'user_importing',
          'quota_open_jobs',
          'quota_jobs_per_day',
        ],
      },
      schema: {
        operationId: 'retryJob',
        tags: ['jobs'],
        summary: 'Try a failed training job again',
        description:
          'The outcome of a job stands, so this makes another for the same model (202), or answers with the one that is still queued (200). `GET /v1/jobs?state=failed` lists what can be tried again.',
        params: Type.Object({ job: JobId }),
        response: { 200: Job, 202: Job },
      },
    },
    async (request, reply) => {
      const failed = await registry.jobs.get(tenantOf(request), request.params.job);
      if (failed.state !== 'failed') {
        throw new AppError('job_not_failed', `The job is ${failed.state}; only a failed one is tried again.`);
      }
      const { id: retryOf, tenantId, task, user, priority, training } = failed;
      const ref = { tenantId, task, user };
      await requireExamples(ref, registry);
      const { job, joined } = await registry.jobs.create(ref, {
        ...{ priority, retryOf, training },
        admit: async () => tellQuotas(reply, await registry.usage.admitJob(tenantId)),
      });
      if (!joined) await queue.events.append(job.id, { type: 'state', state: 'queued' });
      await queue.enqueueTraining(trainingPayload(job, request.id));
      return reply
        .code(joined ? 200 : 202)
        .header('location', `/v1/jobs/${job.id}`)
        .send(job);
    },
  );
}
