import { KeyCreated, KeyId, KeyRotate } from '@scion/contracts';
import { Type } from 'typebox';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function rotateKey(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/keys/:key/rotate',
    {
      // A call without a body takes the overlap as it is by default.
      preValidation: async (request) => {
        request.body ??= {};
      },
      config: { problems: ['key_not_found', 'key_replaced'] },
      schema: {
        operationId: 'rotateKey',
        tags: ['keys'],
        summary: 'Rotate an API key',
        description:
          'Makes another key with the same name, scopes and end, whose secret the answer holds this once. The old one goes on working for the overlap (a day unless said otherwise): put the new one in place meanwhile.',
        params: Type.Object({ key: KeyId }),
        body: KeyRotate,
        response: { 201: KeyCreated },
      },
    },
    async (request, reply) => {
      const { overlapSeconds = 86_400 } = request.body;
      const { tenantId } = principalOf(request);
      const key = await registry.keys.rotate(tenantId, request.params.key, { overlapSeconds });
      return reply.code(201).header('cache-control', 'no-store').send(key);
    },
  );
}
