import { createHash } from 'node:crypto';
import { idPrefixes } from '@scion/contracts';

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** The id of an event that has one source with an id of ours, e.g. a job's end: the ULID of the source, renamed. */
export function eventIdOf(sourceId: string): string {
  return `${idPrefixes.event}_${sourceId.slice(sourceId.indexOf('_') + 1)}`;
}

/**
 * The id of an event that happens once for these parts, whoever notices it and however often: the first ten digits are
 * a moment as in any ULID, so that ids sort by time, the others a hash.
 */
export function eventIdFrom(atMs: number, ...parts: string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  const time = Array.from({ length: 10 }, (_, at) => crockford[Math.floor(atMs / 32 ** (9 - at)) % 32]);
  // 16 digits of 5 bits: a byte each, of which the upper three are let go.
  const rest = Array.from(hash.subarray(0, 16), (byte) => crockford[byte % 32]);
  return `${idPrefixes.event}_${[...time, ...rest].join('')}`;
}

/** The id of the event that a webhook was disabled: it begins with the moment since which the webhook failed. */
export function disabledEventId(webhookId: string, failingSinceMs: number, reason: string): string {
  return eventIdFrom(failingSinceMs, webhookId, 'disabled', reason);
}
