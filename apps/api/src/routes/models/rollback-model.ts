import { Model, Rollback } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { announceSwitch } from './announce-switch.js';

export function rollbackModel(app: App, deps: Pick<ApiDeps, 'registry' | 'webhooks' | 'clock'>): void {
  const { registry } = deps;
  app.post(
    '/v1/tasks/:task/users/:user/rollback',
    {
      // A call without a body is one without a version.
      preValidation: async (request) => {
        request.body ??= {};
      },
      config: {
        problems: [
          'task_not_found',
          'user_not_found',
          'version_not_found',
          'user_importing',
          'model_not_trained',
          'nothing_to_roll_back',
        ],
      },
      schema: {
        operationId: 'rollbackModel',
        tags: ['models'],
        summary: 'Make an earlier version live',
        description:
          'Without a version, the one that was live before. Every prediction answers from the old or the new version; none fails.',
        params: ModelPath,
        body: Rollback,
        response: { 200: Model },
      },
    },
    async (request) => {
      const { keyId } = principalOf(request);
      const ref = modelRef(tenantOf(request), request.params);
      const switched = await registry.models.rollback(ref, { version: request.body.version, by: keyId });
      await announceSwitch(deps, ref, switched);
      return registry.models.get(ref);
    },
  );
}
