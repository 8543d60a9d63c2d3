import { Erasure } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { erase } from './erase.js';

export function eraseTaskUser(app: App, deps: Pick<ApiDeps, 'registry' | 'queue' | 'webhooks'>): void {
  app.delete(
    '/v1/tasks/:task/users/:user',
    {
      config: { problems: ['user_not_found'] },
      schema: {
        operationId: 'eraseTaskUser',
        tags: ['users'],
        summary: 'Erase a user from one task',
        description: 'Like erasing the user, for this task alone; also for a task that was deleted.',
        params: ModelPath,
        response: { 200: Erasure },
      },
    },
    async (request) => {
      const ref = modelRef(tenantOf(request), request.params);
      return erase({ ...ref, by: principalOf(request).keyId }, deps);
    },
  );
}
