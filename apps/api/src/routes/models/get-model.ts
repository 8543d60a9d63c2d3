import { Model } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function getModel(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task/users/:user/model',
    {
      config: { problems: ['task_not_found', 'user_not_found'] },
      schema: {
        operationId: 'getModel',
        tags: ['models'],
        summary: 'Get a user’s model',
        params: ModelPath,
        response: { 200: Model },
      },
    },
    async (request) => registry.models.get(modelRef(tenantOf(request), request.params)),
  );
}
