import { Compaction } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function compactExamples(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/tasks/:task/users/:user/examples/compact',
    {
      config: { problems: ['task_not_found', 'user_not_found', 'user_importing'] },
      schema: {
        operationId: 'compactExamples',
        tags: ['examples'],
        summary: 'Compact a user’s examples',
        description:
          'Merges stored segments and removes the text of deleted and replaced examples from the store. Workers do the same by themselves, a minute or two after a deletion and after jobs.',
        params: ModelPath,
        response: { 200: Compaction },
      },
    },
    async (request) => {
      const ref = modelRef(tenantOf(request), request.params);
      // So that nobody unknown gets an empty segment.
      await registry.models.require(ref);
      return registry.examples.compact(ref);
    },
  );
}
