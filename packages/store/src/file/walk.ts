import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskEntry, foldersOf, readName, toBytes } from './file-names.js';

/** Entries of one folder held in memory at a time: above, the folder is read again for the next ones. */
const batchEntries = 2_048;

export interface Found {
  /** The whole key, or of a folder the key's beginning with its `/`, as bytes. */
  bytes: string;
  path: string;
}

export interface WalkOptions {
  root: string;
  /** Only keys that start so. */
  prefix: string;
  /** Only what sorts behind these bytes. */
  after: string | undefined;
  /** Objects at any depth, or the folders directly below `prefix`, which then is empty or ends in `/`. */
  find: 'objects' | 'folders';
}

/**
 * Walks the tree in the byte order of keys, going down only where the prefix and `after` lead. Holds at most
 * `batchEntries` entries per level, whatever the number of files.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<Found> {
  const { root, find, after } = options;
  const folder = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  const prefix = toBytes(options.prefix);

  const leads = (kind: DiskEntry['kind'], bytes: string) => {
    if (kind === 'object') {
      return find === 'objects' && bytes.startsWith(prefix) && (after === undefined || bytes > after);
    }
    const inPrefix = bytes.startsWith(prefix) || prefix.startsWith(bytes);
    return inPrefix && (after === undefined || bytes > after || after.startsWith(bytes));
  };

  async function* visit(path: string, base: string, insidePiece: boolean): AsyncGenerator<Found> {
    let last: string | undefined;
    for (;;) {
      const batch = await smallest(path, insidePiece, (entry) => {
        return (last === undefined || entry.bytes > last) && leads(entry.kind, base + entry.bytes);
      });
      for (const { kind, name, bytes } of batch) {
        const found = { bytes: base + bytes, path: join(path, name) };
        if (kind === 'object') yield found;
        else if (kind === 'piece') yield* visit(found.path, found.bytes, true);
        else if (find === 'objects') yield* visit(found.path, found.bytes, false);
        else if (found.bytes !== after) yield found;
      }
      if (batch.length < batchEntries) return;
      last = batch.at(-1)!.bytes;
    }
  }
  yield* visit(join(root, ...foldersOf(folder)), toBytes(folder), false);
}

/** Whether any object lies below the folder. A writer makes folders first, and one that crashed left them empty. */
export async function holdsObject(path: string, insidePiece = false): Promise<boolean> {
  for await (const name of namesIn(path)) {
    const entry = readName(name, insidePiece);
    if (!entry) continue;
    if (entry.kind === 'object') return true;
    if (await holdsObject(join(path, name), entry.kind === 'piece')) return true;
  }
  return false;
}

/** The first `batchEntries` entries in key order that pass. */
async function smallest(
  path: string,
  insidePiece: boolean,
  passes: (entry: DiskEntry) => boolean,
): Promise<DiskEntry[]> {
  let kept: DiskEntry[] = [];
  let bound: string | undefined;
  const shrink = () => {
    kept.sort((a, b) => (a.bytes < b.bytes ? -1 : 1));
    kept = kept.slice(0, batchEntries);
  };
  for await (const name of namesIn(path)) {
    const entry = readName(name, insidePiece);
    if (!entry || (bound !== undefined && entry.bytes > bound) || !passes(entry)) continue;
    kept.push(entry);
    if (kept.length < batchEntries * 2) continue;
    shrink();
    bound = kept.at(-1)!.bytes;
  }
  shrink();
  return kept;
}

/** The names in a folder, unordered; none where it does not exist (any more). */
async function* namesIn(path: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(path, { bufferSize: 1_024 })) yield name;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
}
