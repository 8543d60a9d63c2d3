import { createHash } from 'node:crypto';
import type { Example, ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { readLines } from './json-object.js';
import { baseName, objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';

/** An example and where it stands: segments in order of their ids, lines in order within one. */
export interface PlacedExample {
  segmentId: string;
  line: number;
  example: Example;
}

/** Ids of the segments at or after `from`, oldest first. */
export async function listSegments(store: ObjectStore, ref: ModelRef, from = ''): Promise<string[]> {
  const prefix = objectKeys.segmentsPrefix(ref);
  const ids: string[] = [];
  // `after` is exclusive and lacks the extension, so a segment called exactly `from` is included.
  let after: string | null = from === '' ? null : `${prefix}${from}`;
  do {
    const page: { objects: { key: string }[]; next: string | null } = await store.list(
      prefix,
      after === null ? {} : { after },
    );
    for (const { key } of page.objects) ids.push(baseName(key));
    after = page.next;
  } while (after !== null);
  return ids;
}

/** The examples that stand in these segments and are not replaced by a later line of them. */
export async function readSegments(
  store: ObjectStore,
  ref: ModelRef,
  segmentIds: string[],
): Promise<PlacedExample[]> {
  const segments = await mapLimit(segmentIds, (id) => readLines<Example>(store, objectKeys.segment(ref, id)));
  const latest = new Map<string, PlacedExample>();
  segments.forEach((rows, at) => {
    const segmentId = segmentIds[at] as string;
    rows?.forEach((example, line) => {
      // Deleted first, so that the map's order is that of the winning lines.
      latest.delete(example.id);
      latest.set(example.id, { segmentId, line, example });
    });
  });
  return [...latest.values()];
}

/** Canonical content of an example: what makes two of one id the same. */
function canonical({ id, input, label, weight }: Omit<Example, 'createdAt'>): string {
  return JSON.stringify([id, input, label, weight]);
}

/** 128 bits of the content's SHA-256, in base64url: an index entry of 22 characters. */
export function contentDigest(example: Omit<Example, 'createdAt'>): string {
  return createHash('sha256').update(canonical(example)).digest().subarray(0, 16).toString('base64url');
}

/** SHA-256 (hex) over the canonical lines in order of id (UTF-16 code units). */
export function dataDigest(examples: Example[]): string {
  const hash = createHash('sha256');
  const sorted = [...examples].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  for (const example of sorted) hash.update(`${canonical(example)}\n`);
  return hash.digest('hex');
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * The id of the next segment: `fresh` when it sorts after `last`, otherwise the successor of `last`. ULIDs of one
 * millisecond are unordered and clocks differ between processes; the order of appends must not.
 */
export function nextSegmentId(last: string, fresh: string): string {
  if (fresh > last) return fresh;
  const digits = [...last];
  for (let at = digits.length - 1; digits[at] !== '_' && at >= 0; at -= 1) {
    const value = crockford.indexOf(digits[at] as string);
    digits[at] = crockford[(value + 1) % 32] as string;
    if (value < 31) return digits.join('');
  }
  throw new Error('segment ids are used up');
}
