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
 * The last entry. `known` is the one of highest seq seen before. Entries are appended one by one and never removed alone, so
 * `known` still is the last if it lies there as it did and the next seq does not: two looks, which cost less than a listing
 * in any store. Otherwise the search starts at it, and is one listing however long the history.
 */
export async function readLastAlias(
  store: ObjectStore,
  ref: ModelRef,
  known: LastAlias | undefined,
): Promise<LastAlias | undefined> {
  const prefix = objectKeys.livePrefix(ref);
  let last: ObjectInfo | undefined;
  if (known) {
    const [own, next] = await Promise.all([
      store.head(objectKeys.live(ref, known.seq)),
      store.head(objectKeys.live(ref, known.seq + 1)),
    ]);
    // Of another etag it is a model made anew after an erasure, with as many entries as it may have.
    if (own?.etag === known.etag) {
      if (!next) return known;
      for await (const info of listFrom(store, prefix, own.key)) last = info;
    }
  }
  if (last === undefined) for await (const info of listAll(store, prefix)) last = info;
  const record = last && (await readJson<AliasRecord>(store, last.key));
  return last && record && { seq: Number(baseName(last.key)), record, etag: last.etag };
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
