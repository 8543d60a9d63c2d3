import { Webhook } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { WebhookPath } from './webhook-path.js';

export function getWebhook(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/webhooks/:webhook',
    {
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'getWebhook',
        tags: ['webhooks'],
        summary: 'Get a webhook',
        description: 'Says also whether it was disabled, and why.',
        params: WebhookPath,
        response: { 200: Webhook },
      },
    },
    async (request) => registry.webhooks.get(tenantOf(request), request.params.webhook),
  );
}
