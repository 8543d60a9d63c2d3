import { DeliveryOrdered } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { WebhookPath } from './webhook-path.js';

export function pingWebhook(app: App, { webhooks }: Pick<ApiDeps, 'webhooks'>): void {
  app.post(
    '/v1/webhooks/:webhook/ping',
    {
      config: { problems: ['webhook_not_found'] },
      schema: {
        operationId: 'pingWebhook',
        tags: ['webhooks'],
        summary: 'Send a test message',
        description:
          'One signed attempt of type `ping`, also to a disabled webhook. What came of it stands in the delivery log under this event id.',
        params: WebhookPath,
        response: { 202: DeliveryOrdered },
      },
    },
    async (request, reply) => {
      const { eventId, type } = await webhooks.ping(tenantOf(request), request.params.webhook);
      return reply.code(202).send({ eventId, type });
    },
  );
}
