import { AppError, KeyCreate, KeyCreated } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function createKey(app: App, { registry, clock }: Pick<ApiDeps, 'registry' | 'clock'>): void {
  app.post(
    '/v1/keys',
    {
      config: { problems: [] },
      schema: {
        operationId: 'createKey',
        tags: ['keys'],
        summary: 'Create an API key',
        description:
          'The answer holds the secret, which no later call shows again. An operator key makes keys of the tenant that Scion-Tenant names, or further operator keys without that header.',
        body: KeyCreate,
        response: { 201: KeyCreated },
      },
    },
    async (request, reply) => {
      const { expiresAt } = request.body;
      if (expiresAt !== undefined && Date.parse(expiresAt) <= clock()) {
        const errors = [{ path: '/expiresAt', message: 'must lie in the future' }];
        throw new AppError('invalid_request', '/expiresAt must lie in the future', { errors });
      }
      const key = await registry.keys.create(principalOf(request).tenantId, request.body);
      return reply.code(201).header('cache-control', 'no-store').send(key);
    },
  );
}
