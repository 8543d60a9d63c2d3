import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';

export function deleteTask(app: App, { registry, queue }: Pick<ApiDeps, 'registry' | 'queue'>): void {
  app.delete(
    '/v1/tasks/:task',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'deleteTask',
        tags: ['tasks'],
        summary: 'Delete a task',
        description:
          'What its users stored stays, and is there again when the task is put again. Put as another kind, its users’ models are not asked: they count as untrained.',
        params: TaskPath,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const [tenantId, { task }] = [tenantOf(request), request.params];
      await registry.tasks.delete(tenantId, task);
      await queue.scheduleTask({ tenantId, task }, undefined);
      return reply.code(204).send(null);
    },
  );
}
