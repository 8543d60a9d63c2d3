import { createHash } from 'node:crypto';
import { AppError, type Example, type ModelRef } from '@scion/contracts';
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

/** A line that takes the example of this id back, until a later line stores it again. */
export interface DeletedExample {
  id: string;
  deletedAt: string;
}

/** One line of a segment. */
export type SegmentLine = Example | DeletedExample;

export interface SegmentContents {
  /** Neither replaced nor deleted by a later line of these segments. */
  placed: PlacedExample[];
  /** Ids whose last line deletes them. */
  deleted: string[];
}

const isDeleted = (line: SegmentLine): line is DeletedExample => 'deletedAt' in line;
const readSegment = (store: ObjectStore, ref: ModelRef, segmentId: string) =>
  readLines<SegmentLine>(store, objectKeys.segment(ref, segmentId));

/** A segment that was listed is not there any more: it was compacted, or erased, meanwhile. */
export class SegmentGone extends AppError {
  constructor() {
    super('overloaded', 'Examples were compacted meanwhile; try again.');
  }
}

/**
 * What stands in these segments, in the order of the lines that count. Throws SegmentGone: then list them again, for a
 * compaction puts what it takes away into a later one first.
 */
export async function readSegments(
  store: ObjectStore,
  ref: ModelRef,
  segmentIds: string[],
): Promise<SegmentContents> {
  const segments = await mapLimit(segmentIds, (id) => readSegment(store, ref, id));
  const latest = new Map<string, PlacedExample | undefined>();
  segments.forEach((rows, at) => {
    const segmentId = segmentIds[at] as string;
    if (!rows) throw new SegmentGone();
    rows.forEach((row, line) => {
      // Deleted first, so that the map's order is that of the winning lines.
      latest.delete(row.id);
      latest.set(row.id, isDeleted(row) ? undefined : { segmentId, line, example: row });
    });
  });
  const placed = [...latest.values()].filter((row) => row !== undefined);
  const deleted = [...latest].flatMap(([id, row]) => (row ? [] : [id]));
  return { placed, deleted };
}

/** The segments at or after `from` and what stands in them, as of one moment. */
export async function readFrom(
  store: ObjectStore,
  ref: ModelRef,
  from = '',
): Promise<SegmentContents & { segmentIds: string[] }> {
  for (;;) {
    const segmentIds = await listSegments(store, ref, from);
    try {
      return { segmentIds, ...(await readSegments(store, ref, segmentIds)) };
    } catch (error) {
      if (!(error instanceof SegmentGone)) throw error;
    }
  }
}

/** Where the line stands that counts, by example id; undefined when a segment has gone meanwhile. */
async function placesIn(store: ObjectStore, ref: ModelRef, segmentIds: string[]) {
  const latest = new Map<string, string>();
  for (const segmentId of segmentIds) {
    const rows = await readSegment(store, ref, segmentId);
    if (!rows) return undefined;
    rows.forEach((row, line) => {
      if (isDeleted(row)) latest.delete(row.id);
      else latest.set(row.id, `${segmentId}.${line}`);
    });
  }
  return latest;
}

/**
 * Every example in the order stored, with one segment in memory at a time: the segments are read twice, first for the
 * ids alone. Examples that came after the start are left out. Should segments be compacted meanwhile, it goes on in those
 * that took their place; should they be erased, it ends early.
 */
export async function* streamSegments(store: ObjectStore, ref: ModelRef): AsyncGenerator<Example> {
  const wanted = new Set<string>();
  for (let first = true, whole = false; !whole; ) {
    const segmentIds = await listSegments(store, ref);
    const latest = await placesIn(store, ref, segmentIds);
    if (!latest) continue;
    if (first) for (const id of latest.keys()) wanted.add(id);
    first = false;
    whole = true;
    for (const segmentId of segmentIds) {
      const rows = await readSegment(store, ref, segmentId);
      if (!rows) {
        whole = false;
        break;
      }
      for (const [line, row] of rows.entries()) {
        if (isDeleted(row) || latest.get(row.id) !== `${segmentId}.${line}`) continue;
        if (wanted.delete(row.id)) yield row;
      }
    }
  }
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
