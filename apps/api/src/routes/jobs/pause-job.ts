import { Job, JobId } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function pauseJob(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.post(
    '/v1/jobs/:job/pause',
    {
      config: { problems: ['job_not_found', 'job_finished'] },
      schema: {
        operationId: 'pauseJob',
        tags: ['jobs'],
        summary: 'Pause a training job',
        description:
          'A queued job leaves the queue at once (200). A running one is asked to stop (202); resumed, it begins again. One that is publishing already ends instead. A paused job is not joined: another may be queued for its model.',
        params: Type.Object({ job: JobId }),
        response: { 200: Job, 202: Job },
      },
    },
    async (request, reply) => {
      const marked = await registry.jobs.requestPause(tenantOf(request), request.params.job);
      if (marked.state === 'paused') return reply.code(200).send(marked);
      const { id: jobId, tenantId, task, user } = marked;
      const found = await queue.requestPause(jobId);
      // A worker runs it, or is about to: it finds the mark, and its record is its own to write.
      if (found === 'signalled' || (found === 'unknown' && marked.state === 'running')) {
        return reply.code(202).send(marked);
      }
      const job = await registry.jobs.settlePause({ jobId, tenantId, task, user });
      await queue.events.append(jobId, { type: 'state', state: job.state });
      return reply.code(200).send(job);
    },
  );
}
