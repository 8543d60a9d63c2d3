import { AppError, Task, TaskSpec } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';

export function putTask(
  app: App,
  { registry, engine, queue }: Pick<ApiDeps, 'registry' | 'engine' | 'queue'>,
): void {
  app.put(
    '/v1/tasks/:task',
    {
      config: { problems: ['task_changed'] },
      schema: {
        operationId: 'putTask',
        tags: ['tasks'],
        summary: 'Create or change a task',
        description:
          'Kind and modality stay as they are. A task put on a service that has changed its base moves to that base; until they are trained again, its users’ models answer `base_mismatch`.',
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
      const tenantId = tenantOf(request);
      const { task, created } = await registry.tasks.put(tenantId, params.task, body, {
        base: engine.base.name,
      });
      await queue.scheduleTask({ tenantId, task: task.name }, task.retrain?.schedule);
      return reply.code(created ? 201 : 200).send(task);
    },
  );
}
