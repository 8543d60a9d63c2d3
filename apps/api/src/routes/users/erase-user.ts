import { Erasure } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { UserPath } from '../path-params.js';
import { erase } from './erase.js';

export function eraseUser(app: App, deps: Pick<ApiDeps, 'registry' | 'queue' | 'webhooks'>): void {
  app.delete(
    '/v1/users/:user',
    {
      config: { problems: ['user_not_found'] },
      schema: {
        operationId: 'eraseUser',
        tags: ['users'],
        summary: 'Erase a user',
        description:
          'Removes examples, versions, jobs and everything derived from them, in all tasks, and answers with a signed receipt that names the user and is kept nowhere. Interrupted, send it again: the receipt lists the whole. Once it has ended the user is unknown, so a repetition answers 404; `GET /v1/erasures` keeps what proves it without the name.',
        params: UserPath,
        response: { 200: Erasure },
      },
    },
    async (request) => {
      const { user } = request.params;
      checkUserId(user, 'path/user');
      return erase({ tenantId: tenantOf(request), user, by: principalOf(request).keyId }, deps);
    },
  );
}
