import { Page, PageQuery, Task } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listTasks(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listTasks',
        tags: ['tasks'],
        summary: 'List tasks',
        querystring: PageQuery,
        response: { 200: Page(Task) },
      },
    },
    async (request) => registry.tasks.list(tenantOf(request), request.query),
  );
}
