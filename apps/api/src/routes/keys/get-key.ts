import { Key, KeyId } from '@scion/contracts';
import { Type } from 'typebox';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getKey(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/keys/:key',
    {
      config: { problems: ['key_not_found'] },
      schema: {
        operationId: 'getKey',
        tags: ['keys'],
        summary: 'Get an API key',
        description: 'Without its secret.',
        params: Type.Object({ key: KeyId }),
        response: { 200: Key },
      },
    },
    async (request) => registry.keys.get(principalOf(request).tenantId, request.params.key),
  );
}
