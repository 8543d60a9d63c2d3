import { Task } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';

export function getTask(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'getTask',
        tags: ['tasks'],
        summary: 'Get a task',
        params: TaskPath,
        response: { 200: Task },
      },
    },
    async (request) => registry.tasks.get(tenantOf(request), request.params.task),
  );
}
