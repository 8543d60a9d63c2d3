import { WebhookId } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function deleteWebhook(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.delete(
    '/v1/webhooks/:webhook',
    {
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'deleteWebhook',
        tags: ['webhooks'],
        summary: 'Delete a webhook and its delivery log',
        params: Type.Object({ webhook: WebhookId }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await registry.webhooks.delete(tenantOf(request), request.params.webhook);
      return reply.code(204).send(null);
    },
  );
}
