import { ModelVersion, Page, PageQuery } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function listVersions(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task/users/:user/versions',
    {
      config: { problems: ['task_not_found', 'user_not_found'] },
      schema: {
        operationId: 'listVersions',
        tags: ['models'],
        summary: 'List the versions of a model',
        description: 'Newest first.',
        params: ModelPath,
        querystring: PageQuery,
        response: { 200: Page(ModelVersion) },
      },
    },
    async (request) => registry.models.versions(modelRef(tenantOf(request), request.params), request.query),
  );
}
