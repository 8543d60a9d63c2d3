import { Job, JobState, Page, PageQuery, TaskName, UserId } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
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
        description: 'Newest first.',
        querystring: Type.Object(
          {
            ...PageQuery.properties,
            task: Type.Optional(TaskName),
            user: Type.Optional(UserId),
            state: Type.Optional(JobState),
          },
          { additionalProperties: false },
        ),
        response: { 200: Page(Job) },
      },
    },
    async (request) => {
      const { user } = request.query;
      if (user !== undefined) checkUserId(user, 'query/user');
      return registry.jobs.list(tenantOf(request), request.query);
    },
  );
}
