import { KeyId } from '@scion/contracts';
import { Type } from 'typebox';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function deleteKey(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.delete(
    '/v1/keys/:key',
    {
      config: { problems: ['key_not_found'] },
      schema: {
        operationId: 'deleteKey',
        tags: ['keys'],
        summary: 'Delete an API key',
        description: 'It stops working at once.',
        params: Type.Object({ key: KeyId }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await registry.keys.delete(principalOf(request).tenantId, request.params.key);
      return reply.code(204).send(null);
    },
  );
}
