import type { WebhookPayload } from '@scion/contracts';
import { ScionError } from './errors.js';

/** A verified event. `id` stays the same through every delivery of it: remember it to handle each event once. */
export type WebhookEvent = WebhookPayload & { id: string };

/** Headers as `fetch` has them (`Headers`) or as Node's `http` has them. */
export type WebhookHeaders = Headers | Record<string, string | readonly string[] | undefined>;

export interface UnwrapOptions {
  /** How far the sender's clock may be from ours, seconds; default 300. */
  toleranceSeconds?: number | undefined;
  /** Milliseconds since the epoch; default `Date.now`. */
  clock?: (() => number) | undefined;
}

const utf8 = new TextEncoder();

/**
 * Verifies one delivery per Standard Webhooks (v1: HMAC-SHA256 over `id.timestamp.body`) and returns its event.
 *
 * @param body the bytes exactly as they arrived, before any JSON parser
 * @param secret `whsec_…`; while a secret is being rotated, the old and the new one
 * @throws ScionError `webhook_invalid`: answer 400 and do nothing else
 * @throws TypeError `body` or `secret` is none: a mistake of the receiver's own
 */
export async function unwrapWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string | readonly string[],
  { toleranceSeconds = 300, clock = Date.now }: UnwrapOptions = {},
): Promise<WebhookEvent> {
  if (typeof body !== 'string' && !ArrayBuffer.isView(body))
    throw new TypeError(
      'The body of a webhook is its bytes as they arrived, a string or Uint8Array: take it before a JSON parser does.',
    );
  const read = readerOf(headers);
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(read);
  if (!id || !timestamp || !signatures)
    throw invalid('It lacks webhook-id, webhook-timestamp or webhook-signature; does a proxy drop them?');
  const at = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (!(Math.abs(clock() / 1000 - at) <= toleranceSeconds))
    throw invalid(
      `It was not signed within ${toleranceSeconds} s of now; is a clock wrong, or is it replayed?`,
    );

  const bytes = typeof body === 'string' ? utf8.encode(body) : body;
  const signed = concat(utf8.encode(`${id}.${timestamp}.`), bytes);
  const given = signatures.split(' ').flatMap((entry) => {
    const [version, signature] = entry.split(',');
    const decoded = version === 'v1' && signature ? fromBase64(signature) : undefined;
    return decoded ? [decoded] : [];
  });
  const keys = await Promise.all((typeof secret === 'string' ? [secret] : secret).map(importSecret));
  // `verify` compares in constant time.
  const checks = keys.flatMap((key) =>
    given.map((signature) => crypto.subtle.verify('HMAC', key, signature, signed)),
  );
  if (!(await Promise.all(checks)).includes(true))
    throw invalid('Its signature does not match; is it this webhook’s secret, and the body as it arrived?');

  try {
    return { id, ...(JSON.parse(new TextDecoder().decode(bytes)) as WebhookPayload) };
  } catch (cause) {
    throw invalid('It is signed rightly, yet its body is not JSON.', cause);
  }
}

async function importSecret(secret: string) {
  const bytes = secret.startsWith('whsec_') ? fromBase64(secret.slice('whsec_'.length)) : undefined;
  if (!bytes || bytes.length === 0)
    throw new TypeError('A webhook secret is `whsec_` and base64, as the webhook’s creation returned it.');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function readerOf(headers: WebhookHeaders): (name: string) => string | undefined {
  if (headers instanceof Headers) return (name) => headers.get(name) ?? undefined;
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = lower.get(name);
    return typeof value === 'string' ? value : value?.join(' ');
  };
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function invalid(detail: string, cause?: unknown): ScionError {
  return new ScionError({
    code: 'webhook_invalid',
    title: 'The webhook delivery cannot be trusted',
    detail,
    ...(cause !== undefined && { cause }),
  });
}
