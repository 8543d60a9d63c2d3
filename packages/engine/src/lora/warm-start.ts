import { createHash } from 'node:crypto';
import { decodeFloat16, encodeFloat16 } from '../float16.js';
import type { Folds } from '../head/folds.js';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../safetensors.js';
import type { LoraSettings } from './recipe.js';

/**
 * What one training of a user's adapters leaves for the next, which goes on from it where only some rows are new. The fits of the
 * folds are part of it: were only the served one kept, nothing that starts from it could be judged on rows it has not seen.
 */
export interface WarmStart {
  /**
   * What training changed, of each fold's fit and then of the one that is served: flat parameter vectors, with the adapters as they are and
   * the head as far as it was moved.
   */
  changes: Float32Array[];
  /** The fold of each row that adapters have been trained on, by `rowKeys`. */
  folds: Map<string, number>;
  /** Rows of the last training from scratch, rows that have come since, and trainings since. */
  since: { rows: number; added: number; starts: number };
}

/** What a warm start belongs to. With anything else changed, training starts from scratch. */
export interface WarmStartKey {
  settings: LoraSettings;
  classBalance: number;
  seed: number;
  kind: string;
  labels: string[];
  baseSha256: string;
}

/** How a training goes on: its folds, and how far each of its fits already is. */
export interface Continued {
  folds: Folds;
  /** Of each row whether it came since. */
  isNew: boolean[];
  changes: Float32Array[];
  /** Of the warm start that this training will leave. */
  since: WarmStart['since'];
  /** Of the warm start that it began from. */
  sha256: string;
}

/** What a warm start is laid upon. */
export interface WarmRows {
  /** Of each row, as `rowKeys` makes them. */
  keys: string[];
  /** Rows of one group share a fold. */
  groups: Int32Array;
  /** Classes that are dealt over the folds. */
  strata: Int32Array;
}

/**
 * Trainings in a row that start warm, and rows that come meanwhile, as a share of those that the last one from scratch had. Then it
 * is from scratch again, so that what the oldest rows left does not weigh more and more.
 */
const MOST_STARTS = 4;
const MOST_ADDED = 0.5;

const FORMAT = 'scion-warm-start/1';
const MAX_HEADER_BYTES = 1 << 20;
const KEY_BYTES = 16;

/** A row as it is trained on: its id, text, answer and weight, in 16 bytes of their hash. One that was changed is another. */
export function rowKeys(rows: { id: string; text: string; answer: unknown; weight: number }[]): string[] {
  return rows.map(({ id, text, answer, weight }) =>
    createHash('sha256')
      .update(JSON.stringify([id, text, answer, weight]))
      .digest()
      .toString('hex', 0, KEY_BYTES),
  );
}

/**
 * Undefined where training must start from scratch: see `continueFrom`, and `decodeWarmStart` for what is no warm start of this work.
 * @param size numbers of a flat parameter vector
 */
export function openWarmStart(
  bytes: Uint8Array,
  key: WarmStartKey,
  size: number,
  rows: WarmRows,
): Continued | undefined {
  const warm = decodeWarmStart(bytes, key, size);
  const continued = warm && continueFrom(warm, rows);
  return continued && { ...continued, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * Undefined where training must start from scratch: a row that the adapters learnt from is gone or changed (nothing of it may
 * stay), none is new, too many are, or too many trainings have gone on from one another.
 */
export function continueFrom(
  warm: WarmStart,
  { keys, groups, strata }: WarmRows,
): Omit<Continued, 'sha256'> | undefined {
  const isNew = keys.map((key) => !warm.folds.has(key));
  const present = isNew.filter((fresh) => !fresh).length;
  const added = warm.since.added + keys.length - present;
  if (present < warm.folds.size || present === keys.length) return undefined;
  if (warm.since.starts >= MOST_STARTS || added > MOST_ADDED * warm.since.rows) return undefined;

  const count = warm.changes.length - 1;
  const foldOf = new Map<number, number>();
  const sizes = Array.from({ length: count }, () => ({ all: 0, of: new Map<number, number>() }));
  const put = (row: number, number: number) => {
    foldOf.set(groups[row], number);
    const size = sizes[number];
    size.all += 1;
    size.of.set(strata[row], (size.of.get(strata[row]) ?? 0) + 1);
  };
  for (const [row, key] of keys.entries()) {
    const known = warm.folds.get(key);
    if (known !== undefined && !foldOf.has(groups[row])) put(row, known);
  }
  for (const row of keys.keys()) {
    if (foldOf.has(groups[row])) continue;
    const fewest = (a: number, b: number) =>
      (sizes[a].of.get(strata[row]) ?? 0) - (sizes[b].of.get(strata[row]) ?? 0) ||
      sizes[a].all - sizes[b].all;
    put(row, [...sizes.keys()].sort(fewest)[0]);
  }
  return {
    folds: { count, fold: Int32Array.from(groups, (group) => foldOf.get(group)!) },
    isNew,
    changes: warm.changes,
    since: { rows: warm.since.rows, added, starts: warm.since.starts + 1 },
  };
}

/** As a safetensors file. Numbers are halves, as an adapter's. */
export function encodeWarmStart({ changes, folds, since }: WarmStart, key: WarmStartKey): Uint8Array {
  const tensors = new Map<string, SafeTensor>();
  for (const [i, change] of changes.entries()) {
    const { buffer, byteOffset, byteLength } = encodeFloat16(change);
    const data = new Uint8Array(buffer, byteOffset, byteLength);
    tensors.set(`${i}.change`, { dtype: 'F16', shape: [change.length], data });
  }
  const rows = Uint8Array.from([...folds.keys()].flatMap((row) => [...Buffer.from(row, 'hex')]));
  tensors.set('rows', { dtype: 'U8', shape: [folds.size, KEY_BYTES], data: rows });
  tensors.set('folds', { dtype: 'U8', shape: [folds.size], data: Uint8Array.from(folds.values()) });
  const past = JSON.stringify(since);
  return writeSafetensors(
    tensors,
    new Map([
      ['scion.format', FORMAT],
      ['scion.key', keyOf(key)],
      ['scion.since', past],
      ['scion.sha256', contentOf(tensors, past)],
    ]),
  );
}

/**
 * Of all that is gone on from. What is served comes of numbers that nothing is judged by, and rows that changed their fold would be
 * judged by fits that have seen them: a damaged file must not go on.
 */
function contentOf(tensors: Map<string, SafeTensor>, past: string): string {
  const hash = createHash('sha256').update(past);
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(data);
  return hash.digest('hex');
}

/**
 * Undefined for whatever is damaged or of other work.
 * @param size numbers of a flat parameter vector
 */
export function decodeWarmStart(bytes: Uint8Array, key: WarmStartKey, size: number): WarmStart | undefined {
  try {
    const { tensors, metadata } = readSafetensors(bytes, { maxHeaderBytes: MAX_HEADER_BYTES });
    if (metadata.get('scion.format') !== FORMAT || metadata.get('scion.key') !== keyOf(key)) return undefined;
    const past = metadata.get('scion.since') ?? '';
    if (metadata.get('scion.sha256') !== contentOf(tensors, past)) return undefined;
    const changes = Array.from({ length: tensors.size - 2 }, (_, i) => {
      const { data } = tensors.get(`${i}.change`)!;
      return decodeFloat16(new Uint16Array(data.slice().buffer as ArrayBuffer));
    });
    if (!changes.every((change) => change.length === size && change.every(Number.isFinite))) return undefined;
    const numbers = tensors.get('folds')!.data;
    const rows = Buffer.from(tensors.get('rows')!.data);
    const folds = new Map(
      Array.from(numbers, (number, at) => [
        rows.toString('hex', at * KEY_BYTES, (at + 1) * KEY_BYTES),
        number,
      ]),
    );
    if (folds.size === 0 || numbers.some((number) => number >= changes.length - 1)) return undefined;
    return { changes, folds, since: JSON.parse(past) };
  } catch {
    return undefined;
  }
}

function keyOf({ settings, ...rest }: WarmStartKey): string {
  const ordered = Object.entries({ ...settings, ...rest }).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(ordered)).digest('hex');
}
