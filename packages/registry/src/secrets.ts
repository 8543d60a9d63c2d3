import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

function digits(bytes: Uint8Array, alphabet: string, width: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let at = 0; at < width; at += 1) {
    text = alphabet[Number(value % BigInt(alphabet.length))] + text;
    value /= BigInt(alphabet.length);
  }
  return text;
}

/** 256 random bits, 43 base-62 digits: one double-click selects it, and scanners know it by its prefix. */
export function newKeySecret(): string {
  return `scion_${digits(randomBytes(32), base62, 43)}`;
}

/** Enough of a secret to tell keys apart: 4 of its 43 digits. The other 39 hold 232 bits. */
export const startOf = (secret: string): string => secret.slice(0, 'scion_'.length + 4);

/** Anything that could be a secret: ours, or one that an operator chose. */
export const keySecretPattern = /^scion_[A-Za-z0-9_-]{32,256}$/;

/**
 * The id under which the key of a secret is stored, so that a request finds its key without an index. A hash with its
 * own domain: it shows nothing of the secret, nor of the hash that is compared.
 */
export function keyIdOf(secret: string): string {
  const hash = createHash('sha256').update('scion key id\0').update(secret).digest();
  return `key_${digits(hash.subarray(0, 16), crockford, 26)}`;
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === 32 && right.length === 32 && timingSafeEqual(left, right);
}

/** A Standard Webhooks secret: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
