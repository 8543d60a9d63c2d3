import { AppError, Task, TaskSpec } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';

export function putTask(app: App, { registry, engine }: Pick<ApiDeps, 'registry' | 'engine'>): void {
  app.put(
    '/v1/tasks/:task',
    {
      config: { problems: ['task_changed'] },
      schema: {
        operationId: 'putTask',
        tags: ['tasks'],
        summary: 'Create or change a task',
        params: TaskPath,
        body: TaskSpec,
        response: { 200: Task, 201: Task },
      },
    },
    async (request, reply) => {
      const { body, params } = request;
      if (body.untrained === 'zero-shot' && body.labels === undefined) {
        const errors = [{ path: '/untrained', message: 'can be "zero-shot" only where labels are given' }];
        throw new AppError('invalid_request', '/untrained needs /labels to be "zero-shot"', { errors });
      }
      const { task, created } = await registry.tasks.put(tenantOf(request), params.task, body, {
        base: engine.base.name,
      });
      return reply.code(created ? 201 : 200).send(task);
    },
  );
}
