import { JobId, JobLogLine, Page } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listJobLogs(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.get(
    '/v1/jobs/:job/logs',
    {
      config: { problems: ['job_not_found'] },
      schema: {
        operationId: 'listJobLogs',
        tags: ['jobs'],
        summary: 'Read what workers told of a training job',
        description:
          'The newest 200 lines of all its attempts, oldest first, kept for a week after the last. They hold neither inputs nor labels, and go with the job when its user is erased.',
        params: Type.Object({ job: JobId }),
        response: { 200: Page(JobLogLine) },
      },
    },
    async (request) => {
      const { id } = await registry.jobs.get(tenantOf(request), request.params.job);
      return { data: await queue.logs.read(id), nextCursor: null };
    },
  );
}
