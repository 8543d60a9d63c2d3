import type { AliasEntry, ModelRef } from '@scion/contracts';
import { listAll, type ObjectInfo, type ObjectPage, type ObjectStore } from '@scion/store';
import { encodeJson, readJson } from './json-object.js';
import { baseName, objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';

/** One switch of `live` as stored: append-only, the entry with the highest `seq` counts. */
export interface AliasRecord extends AliasEntry {
  /** Of the version switched to, so that a cached card can be told from one of the same number. */
  adapterSha256: string;
}

export interface StoredAlias {
  seq: number;
  record: AliasRecord;
}

/** Every entry, oldest first. */
export async function readAliases(store: ObjectStore, ref: ModelRef): Promise<StoredAlias[]> {
  const keys: string[] = [];
  for await (const { key } of listAll(store, objectKeys.livePrefix(ref))) keys.push(key);
  const entries = await mapLimit(keys, async (key) => {
    const record = await readJson<AliasRecord>(store, key);
    return record && { seq: Number(baseName(key)), record };
  });
  return entries.filter((entry) => entry !== undefined);
}

/** The last entry, and by what to know it again. */
export interface LastAlias extends StoredAlias {
  etag: string;
}

/**
 * The last entry. `known` is the one of highest seq seen before: entries are never removed alone, so the search starts there
 * and is one listing however long the history; and the entry is read only if it is another one, of another seq, or of
 * other bytes where the model was erased and made anew.
 */
export async function readLastAlias(
  store: ObjectStore,
  ref: ModelRef,
  known: LastAlias | undefined,
): Promise<LastAlias | undefined> {
  const prefix = objectKeys.livePrefix(ref);
  let last: ObjectInfo | undefined;
  if (known) {
    // One before the known entry, so that the known one is listed unless the whole model was erased.
    for await (const info of listFrom(store, prefix, objectKeys.live(ref, known.seq - 1))) last = info;
  }
  if (last === undefined) for await (const info of listAll(store, prefix)) last = info;
  if (last === undefined) return undefined;
  const { key, etag } = last;
  const seq = Number(baseName(key));
  if (known && seq === known.seq && etag === known.etag) return known;
  const record = await readJson<AliasRecord>(store, key);
  return record && { seq, record, etag };
}

async function* listFrom(store: ObjectStore, prefix: string, after: string): AsyncGenerator<ObjectInfo> {
  for (let from: string | null = after; from !== null; ) {
    const page: ObjectPage = await store.list(prefix, { after: from });
    yield* page.objects;
    from = page.next;
  }
}

/** Appends an entry after `lastSeq` and returns its number; one taken meanwhile by a holder of a lost lock is skipped. */
export async function appendAlias(
  store: ObjectStore,
  ref: ModelRef,
  lastSeq: number,
  record: AliasRecord,
): Promise<number> {
  for (let seq = lastSeq + 1; ; seq += 1) {
    if (await store.create(objectKeys.live(ref, seq), encodeJson(record))) return seq;
  }
}

/**
 * Versions that were live, as a stack: a promotion pushes; a roll-back to a version below pops down to it. So rolling
 * back again and again walks into the past instead of swinging between two versions. The last one is live.
 */
export function liveStack(entries: readonly AliasEntry[]): number[] {
  const stack: number[] = [];
  for (const { version, reason } of entries) {
    const below = reason === 'rollback' ? stack.lastIndexOf(version) : -1;
    if (below >= 0) stack.length = below + 1;
    else if (stack.at(-1) !== version) stack.push(version);
  }
  return stack;
}
