import { Job, JobsQuery, Page } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listJobs(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/jobs',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listJobs',
        tags: ['jobs'],
        summary: 'List training jobs',
        description:
          'Newest first; `from` and `to` are times of creation. An operator key without Scion-Tenant lists those of all tenants.',
        querystring: JobsQuery,
        response: { 200: Page(Job) },
      },
    },
    async (request) => {
      const { user } = request.query;
      if (user !== undefined) checkUserId(user, 'query/user');
      return registry.jobs.list(principalOf(request).tenantId, request.query);
    },
  );
}
