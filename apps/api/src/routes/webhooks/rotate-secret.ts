import { SecretRotation, WebhookCreated } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { WebhookPath } from './webhook-path.js';

export function rotateSecret(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/webhooks/:webhook/rotate-secret',
    {
      // A call without a body takes the default.
      preValidation: async (request) => {
        request.body ??= {};
      },
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags: ['webhooks'],
        summary: 'Make a new signing secret',
        description:
          'The answer holds it, and no later call shows it again. For `overlapSeconds` every message carries two signatures, of the new secret and of the one before; one that was being replaced already ends at once.',
        params: WebhookPath,
        body: SecretRotation,
        response: { 200: WebhookCreated },
      },
    },
    async (request, reply) => {
      const { overlapSeconds = 86_400 } = request.body;
      const { webhook } = request.params;
      const rotated = await registry.webhooks.rotateSecret(
        tenantOf(request),
        webhook,
        overlapSeconds * 1_000,
      );
      return reply.header('cache-control', 'no-store').send(rotated);
    },
  );
}
