import { WebhookCreate, WebhookCreated } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function createWebhook(
  app: App,
  { registry, checkWebhookUrl }: Pick<ApiDeps, 'registry' | 'checkWebhookUrl'>,
): void {
  app.post(
    '/v1/webhooks',
    {
      config: { problems: ['webhook_url_refused', 'quota_exceeded'] },
      schema: {
        operationId: 'createWebhook',
        tags: ['webhooks'],
        summary: 'Create a webhook',
        description:
          'The answer holds the signing secret, which no later call shows again. Messages follow Standard Webhooks.',
        body: WebhookCreate,
        response: { 201: WebhookCreated },
      },
    },
    async (request, reply) => {
      const tenantId = tenantOf(request);
      await checkWebhookUrl(request.body.url);
      const webhook = await registry.webhooks.create(tenantId, request.body);
      return reply.code(201).header('cache-control', 'no-store').send(webhook);
    },
  );
}
