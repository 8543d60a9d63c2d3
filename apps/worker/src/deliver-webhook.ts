import type { DeliveryPayload, HandlerContext } from '@scion/queue';
import type { Webhooks } from '@scion/webhooks';
import type { Logger } from 'pino';
import { loggedError } from './failure.js';

/** Makes the handler of delivery jobs. A failed attempt throws, and the queue tries again later. */
export function createDeliverWebhook({
  webhooks,
  log,
}: {
  webhooks: Pick<Webhooks, 'deliver'>;
  log: Logger;
}): (payload: DeliveryPayload, context: HandlerContext) => Promise<void> {
  return async (payload, { attempt, signal, finalAttempt }) => {
    const { tenantId, webhookId, eventId, jobId } = payload;
    const line = log.child({ tenantId, webhookId, eventId, jobId, attempt });
    try {
      const outcome = await webhooks.deliver(payload, { attempt, signal });
      line.info({ outcome }, 'webhook delivery ended');
    } catch (error) {
      line.info({ ...loggedError(error), finalAttempt }, 'webhook delivery attempt failed');
      throw error;
    }
  };
}
