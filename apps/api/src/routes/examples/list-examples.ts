import { Example, Page, PageQuery } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function listExamples(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task/users/:user/examples',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'listExamples',
        tags: ['examples'],
        summary: 'List a user’s examples',
        description: 'Oldest first.',
        params: ModelPath,
        querystring: PageQuery,
        response: { 200: Page(Example) },
      },
    },
    async (request) => registry.examples.list(modelRef(tenantOf(request), request.params), request.query),
  );
}
