import { SigningKey } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getSigningKey(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/signing-key',
    {
      config: { problems: [] },
      schema: {
        operationId: 'getSigningKey',
        tags: ['users'],
        summary: 'Get the key that verifies receipts',
        description: 'One key for the whole deployment. Keep a copy with your receipts.',
        response: { 200: SigningKey },
      },
    },
    async () => registry.users.signingKey(),
  );
}
