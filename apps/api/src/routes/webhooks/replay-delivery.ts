import { AppError, DeliveryOrdered } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { DeliveryPath } from './webhook-path.js';

export function replayDelivery(app: App, deps: Pick<ApiDeps, 'registry' | 'queue' | 'webhooks'>): void {
  app.post(
    '/v1/webhooks/:webhook/deliveries/:delivery/replay',
    {
      config: { problems: ['webhook_not_found', 'delivery_not_found', 'webhook_disabled'] },
      schema: {
        operationId: 'replayDelivery',
        tags: ['webhooks'],
        summary: 'Send an event again',
        description:
          'The event of this attempt, under the same event id, whatever came of it; one that waits for a retry goes at once. It has retries of its own. An event about a user who was erased since is not sent, a ping is a new one. To a disabled webhook only pings are sent: enable it first.',
        params: DeliveryPath,
        response: { 202: DeliveryOrdered },
      },
    },
    async (request, reply) => {
      const tenantId = tenantOf(request);
      const { webhook: webhookId, delivery } = request.params;
      const { eventId, type, jobId } = await deps.registry.webhooks.delivery(tenantId, webhookId, delivery);
      if (type === 'ping') {
        const ping = await deps.webhooks.ping(tenantId, webhookId);
        return reply.code(202).send({ eventId: ping.eventId, type });
      }
      const { state } = await deps.registry.webhooks.get(tenantId, webhookId);
      if (state === 'disabled') {
        const detail = 'Nothing but pings is sent to a webhook that is disabled; enable it first.';
        throw new AppError('webhook_disabled', detail);
      }
      const order = { tenantId, webhookId, eventId, type, ...(jobId !== undefined && { jobId }) };
      await deps.queue.enqueueDelivery(order, { now: true });
      return reply.code(202).send({ eventId, type });
    },
  );
}
