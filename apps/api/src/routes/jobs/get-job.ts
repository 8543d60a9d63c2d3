import { Job, JobId } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getJob(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/jobs/:job',
    {
      config: { problems: ['job_not_found'] },
      schema: {
        operationId: 'getJob',
        tags: ['jobs'],
        summary: 'Get a training job',
        params: Type.Object({ job: JobId }),
        response: { 200: Job },
      },
    },
    async (request) => registry.jobs.get(tenantOf(request), request.params.job),
  );
}
