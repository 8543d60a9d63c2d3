import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';

export function deleteTask(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.delete(
    '/v1/tasks/:task',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'deleteTask',
        tags: ['tasks'],
        summary: 'Delete a task',
        description: 'What its users stored stays, and is there again when the task is put again.',
        params: TaskPath,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await registry.tasks.delete(tenantOf(request), request.params.task);
      return reply.code(204).send(null);
    },
  );
}
