import { Job, JobCreate } from '@scion/contracts';
import { trainingPayload } from '@scion/queue';
import { tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import { tellQuotas } from '../../quota/tell-quotas.js';
import type { App } from '../../server.js';
import { requireExamples } from './require-examples.js';

export function createJob(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.post(
    '/v1/jobs',
    {
      config: {
        problems: [
          'task_not_found',
          'too_few_examples',
          'label_wrong_kind',
          'user_importing',
          'quota_open_jobs',
          'quota_jobs_per_day',
        ],
      },
      schema: {
        operationId: 'createJob',
        tags: ['jobs'],
        summary: 'Train a user’s model',
        description:
          'Answers 202 with a new job, or 200 with the one of this model that is still queued. While one runs, one more may queue.',
        body: JobCreate,
        response: { 200: Job, 202: Job },
      },
    },
    async (request, reply) => {
      const { task, user, priority, training } = request.body;
      checkUserId(user, '/user');
      const ref = { tenantId: tenantOf(request), task, user };
      await requireExamples(ref, registry);
      const { job, joined } = await registry.jobs.create(ref, {
        ...{ priority, training },
        admit: async () => tellQuotas(reply, await registry.usage.admitJob(ref.tenantId)),
      });
      if (!joined) await queue.events.append(job.id, { type: 'state', state: 'queued' });
      // Also when joined: enqueueing is idempotent, and the process that made the job may have died before it.
      await queue.enqueueTraining(trainingPayload(job, request.id));
      return reply
        .code(joined ? 200 : 202)
        .header('location', `/v1/jobs/${job.id}`)
        .send(job);
    },
  );
}
