import { Job, JobId } from '@scion/contracts';
import { trainingPayload } from '@scion/queue';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function cancelJob(
  app: App,
  { registry, queue, webhooks }: Pick<ApiDeps, 'registry' | 'queue' | 'webhooks'>,
): void {
  app.post(
    '/v1/jobs/:job/cancel',
    {
      config: { problems: ['job_not_found', 'job_finished'] },
      schema: {
        operationId: 'cancelJob',
        tags: ['jobs'],
        summary: 'Cancel a training job',
        description:
          'A queued job is cancelled at once (200). A running one is asked to stop (202): it does so between two steps, and nothing of it goes live after that.',
        params: Type.Object({ job: JobId }),
        response: { 200: Job, 202: Job },
      },
    },
    async (request, reply) => {
      const marked = await registry.jobs.requestCancel(tenantOf(request), request.params.job);
      const { id: jobId, tenantId, task, user } = marked;
      const ref = { jobId, tenantId, task, user };
      const found = await queue.requestCancel(jobId);
      // A paused job is in nobody's hands.
      if (found !== 'removed' && marked.state !== 'paused') {
        // Not in the queue, yet unfinished: whoever was to enqueue it died. A worker finds the mark and ends it.
        if (found === 'unknown' && marked.state === 'queued')
          await queue.enqueueTraining(trainingPayload(marked, request.id));
        return reply.code(202).send(marked);
      }
      await queue.events.append(jobId, { type: 'state', state: 'cancelled' });
      const events = await queue.events.read(jobId);
      const job = await registry.jobs.finish(ref, { state: 'cancelled', events });
      await webhooks.emit(job);
      return reply.code(200).send(job);
    },
  );
}
