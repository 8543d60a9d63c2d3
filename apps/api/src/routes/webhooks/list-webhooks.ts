import { Page, PageQuery, Webhook } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listWebhooks(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/webhooks',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listWebhooks',
        tags: ['webhooks'],
        summary: 'List webhooks',
        querystring: PageQuery,
        response: { 200: Page(Webhook) },
      },
    },
    async (request) => registry.webhooks.list(tenantOf(request), request.query),
  );
}
