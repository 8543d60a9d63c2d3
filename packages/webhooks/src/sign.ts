import { Webhook } from 'standardwebhooks';

/** Headers of one attempt per Standard Webhooks: the id stays, time and signature are of the attempt. */
export function signedHeaders({
  secret,
  eventId,
  at,
  body,
}: {
  /** `whsec_` and base64. */
  secret: string;
  eventId: string;
  at: Date;
  body: string;
}): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Scion-Webhooks/1',
    'webhook-id': eventId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(eventId, at, body),
  };
}
