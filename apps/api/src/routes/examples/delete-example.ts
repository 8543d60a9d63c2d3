import { limits } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { orderCompaction } from './order-compaction.js';

export function deleteExample(app: App, deps: Pick<ApiDeps, 'registry' | 'queue' | 'clock'>): void {
  app.delete(
    '/v1/tasks/:task/users/:user/examples/:example',
    {
      config: { problems: ['task_not_found', 'example_not_found', 'user_importing'] },
      schema: {
        operationId: 'deleteExample',
        tags: ['examples'],
        summary: 'Delete an example',
        description:
          'It is no longer listed, counted or trained on; versions trained before stay as they are. Its text leaves the store with the next compaction, a minute or two later.',
        params: Type.Object({
          ...ModelPath.properties,
          example: Type.String({ minLength: 1, maxLength: limits.exampleIdChars }),
        }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { example, ...names } = request.params;
      const ref = modelRef(tenantOf(request), names);
      // Before the deletion: where ordering fails, a repetition still finds the example, and orders again.
      if ((await deps.registry.examples.count(ref)) > 0) await orderCompaction(ref, 2, deps);
      await deps.registry.examples.delete(ref, example);
      return reply.code(204).send(null);
    },
  );
}
