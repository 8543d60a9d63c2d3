/** S3 allows 1024 bytes in all; the rest is left to the prefix under which a bucket is shared. */
export const maxKeyBytes = 960;
export const maxPageSize = 1000;

/** The first segment that the drivers keep to themselves: temporary files, the probe of an S3 store. */
export const reservedSegment = '.scion';

/** Control characters, which XML 1.0, in which S3 lists keys, cannot carry; and lone surrogates, which UTF-8 cannot. */
const refusedCharacters = /[\p{Cc}\p{Cs}]/u;

/**
 * Throws a TypeError (a key is built by our code, so a bad one is a defect, not a caller's mistake) unless `key` is
 * well-formed Unicode of 1 to 960 UTF-8 bytes, holds no control character, and consists of segments joined by single
 * `/` none of which is empty, `.` or `..` (proxies and SDKs fold those away), the first not being `.scion`.
 */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new TypeError(`an object key must not exceed ${maxKeyBytes} UTF-8 bytes`);
  }
  if (refusedCharacters.test(key))
    throw new TypeError('an object key must be well-formed and free of controls');
  const segments = key.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new TypeError('an object key must hold no segment that is empty, "." or ".."');
  }
  if (segments[0] === reservedSegment) throw new TypeError(`"${reservedSegment}/" belongs to the store`);
}

/** A prefix is any beginning of a key, the empty one included. */
export function checkPrefix(prefix: string): void {
  if (refusedCharacters.test(prefix) || Buffer.byteLength(prefix) > maxKeyBytes) {
    throw new TypeError('a prefix must be the beginning of a valid object key');
  }
}

/** As `checkPrefix`, and whole segments: empty or ending in `/`. */
export function checkFolder(prefix: string): void {
  checkPrefix(prefix);
  if (prefix !== '' && !prefix.endsWith('/')) throw new TypeError('a folder must be empty or end in "/"');
}

export function checkLimit(limit: number = maxPageSize): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
    throw new RangeError(`limit must be an integer from 1 to ${maxPageSize}`);
  }
  return limit;
}

/**
 * Orders by UTF-8 bytes, as S3 lists. `<` on strings compares UTF-16 units, which puts U+FF5E behind U+1F600;
 * comparing code points is the same as comparing UTF-8 bytes.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // At the first differing unit a surrogate (a code point above U+FFFF) sorts behind every other unit.
    const high = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    if (high(x) !== high(y)) return high(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}
