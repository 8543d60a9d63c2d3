import { Model, Promotion } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { announceSwitch } from './announce-switch.js';

export function promoteVersion(app: App, deps: Pick<ApiDeps, 'registry' | 'webhooks' | 'clock'>): void {
  const { registry } = deps;
  app.post(
    '/v1/tasks/:task/users/:user/promote',
    {
      config: { problems: ['task_not_found', 'user_not_found', 'version_not_found', 'user_importing'] },
      schema: {
        operationId: 'promoteVersion',
        tags: ['models'],
        summary: 'Make a version live',
        description:
          'Whatever the gate said of it. Every prediction answers from the old or the new version; none fails. A version that is live already stays so.',
        params: ModelPath,
        body: Promotion,
        response: { 200: Model },
      },
    },
    async (request) => {
      const ref = modelRef(tenantOf(request), request.params);
      const switched = await registry.models.promoteTo(ref, request.body.version, principalOf(request).keyId);
      await announceSwitch(deps, ref, switched);
      return registry.models.get(ref);
    },
  );
}
