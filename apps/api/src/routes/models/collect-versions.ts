import { Collection } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function collectVersions(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/tasks/:task/users/:user/collect',
    {
      config: { problems: ['task_not_found', 'user_not_found', 'user_importing'] },
      schema: {
        operationId: 'collectVersions',
        tags: ['models'],
        summary: 'Remove versions that are no longer kept',
        description:
          'By the task’s `retention`. Workers do the same after each job; call it after a change of the policy. The live version and pinned ones always stay.',
        params: ModelPath,
        response: { 200: Collection },
      },
    },
    async (request) => registry.models.collect(modelRef(tenantOf(request), request.params)),
  );
}
