import { idPattern, WebhookId } from '@scion/contracts';
import { Type } from 'typebox';

export const WebhookPath = Type.Object({ webhook: WebhookId });

/** One attempt of its log. */
export const DeliveryPath = Type.Object({
  webhook: WebhookId,
  delivery: Type.String({ pattern: idPattern('delivery') }),
});
