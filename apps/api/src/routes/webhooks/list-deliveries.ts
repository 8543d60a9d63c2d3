import { Delivery, Page, PageQuery, WebhookId } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listDeliveries(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/webhooks/:webhook/deliveries',
    {
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'listDeliveries',
        tags: ['webhooks'],
        summary: 'List delivery attempts of a webhook',
        description: 'Newest first.',
        params: Type.Object({ webhook: WebhookId }),
        querystring: PageQuery,
        response: { 200: Page(Delivery) },
      },
    },
    async (request) => registry.webhooks.deliveries(tenantOf(request), request.params.webhook, request.query),
  );
}
