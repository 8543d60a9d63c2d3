import { Webhook } from 'standardwebhooks';

/** Headers of one attempt per Standard Webhooks: the id stays, time and signature are of the attempt. */
export function signedHeaders({
  secrets,
  eventId,
  at,
  body,
}: {
  /** Each `whsec_` and base64; a receiver needs only one of them, so each can be replaced without a gap. */
  secrets: string[];
  eventId: string;
  at: Date;
  body: string;
}): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Scion-Webhooks/1',
    'webhook-id': eventId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(eventId, at, body)).join(' '),
  };
}
