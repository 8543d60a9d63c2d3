import { Webhook } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { WebhookPath } from './webhook-path.js';

export function enableWebhook(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/webhooks/:webhook/enable',
    {
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'enableWebhook',
        tags: ['webhooks'],
        summary: 'Enable a webhook that was disabled',
        description:
          'It gets the events from now on; those that came meanwhile were not kept for it. Ping it first.',
        params: WebhookPath,
        response: { 200: Webhook },
      },
    },
    async (request) => registry.webhooks.enable(tenantOf(request), request.params.webhook),
  );
}
