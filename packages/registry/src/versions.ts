import { AppError, type Card, type ModelRef } from '@scion/contracts';
import { listAll, type ObjectStore } from '@scion/store';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { EncodedVersion } from './registry.js';

/** What `card.json` holds; a version exists when it does. */
export interface VersionRecord {
  card: Card;
  adapterSha256: string;
  adapterBytes: number;
}

const versionOf = (key: string, prefix: string): number =>
  Number(key.slice(prefix.length, prefix.length + 8));

/** What the folders of a model's versions hold. */
export interface VersionListing {
  /** Those with a card, ascending. */
  published: number[];
  pinned: Set<number>;
  /** Those with a warm start. */
  warm: number[];
  /** Of each object, by key. */
  bytes: Map<string, number>;
  /** Folders without a card: what a death in publishing or collecting has left. Under the model's lock, nothing else. */
  leftovers: number[];
  /** The highest number ever used, as far as the bucket knows. */
  highest: number;
}

export async function listVersions(store: ObjectStore, ref: ModelRef): Promise<VersionListing> {
  const prefix = objectKeys.versionsPrefix(ref);
  const published: number[] = [];
  const pinned = new Set<number>();
  const warm: number[] = [];
  const sizes = new Map<string, number>();
  const folders = new Set<number>();
  let highest = 0;
  for await (const { key, bytes } of listAll(store, prefix)) {
    sizes.set(key, bytes);
    const version = versionOf(key, prefix);
    if (key.endsWith('/card.json')) published.push(version);
    if (key.endsWith('/pin.json')) pinned.add(version);
    if (key.endsWith('/warm-start.safetensors')) warm.push(version);
    folders.add(version);
    highest = Math.max(highest, version);
  }
  for (const version of published) folders.delete(version);
  return { published, pinned, warm, bytes: sizes, leftovers: [...folders], highest };
}

export function readVersion(
  store: ObjectStore,
  ref: ModelRef,
  version: number,
): Promise<VersionRecord | undefined> {
  // Version numbers come from callers; anything but a positive integer would name another object.
  if (!Number.isInteger(version) || version < 1 || version > 99_999_999) return Promise.resolve(undefined);
  return readJson<VersionRecord>(store, objectKeys.card(ref, version));
}

/** The version that a job published by a method, newest first in case there were ever two. */
async function versionOfJob(
  store: ObjectStore,
  ref: ModelRef,
  published: number[],
  { jobId, method }: Publication,
): Promise<VersionRecord | undefined> {
  const records = await mapLimit([...published].reverse(), (version) => readVersion(store, ref, version));
  return records.find((record) => record?.card.jobId === jobId && record.card.method === method);
}

/** What is published once: a job's head, and its adapters after it. */
export type Publication = Pick<Card, 'jobId' | 'method'>;

/**
 * Writes the adapter, then the card. A number is never used twice: one whose publishing died keeps its half-written
 * folder, so a late write of a frozen process cannot land in a version of somebody else. Call it under the model's lock.
 */
export async function publishVersion(
  store: ObjectStore,
  ref: ModelRef,
  publication: Publication,
  encode: (version: number) => EncodedVersion | Promise<EncodedVersion>,
): Promise<VersionRecord> {
  const { jobId, method } = publication;
  const { published, highest } = await listVersions(store, ref);
  const existing = await versionOfJob(store, ref, published, publication);
  if (existing) return existing;
  for (let version = highest + 1; ; version += 1) {
    const { card, adapter, adapterSha256 } = await encode(version);
    if (
      card.version !== version ||
      card.jobId !== jobId ||
      card.method !== method ||
      card.task !== ref.task
    ) {
      throw new AppError('internal', 'The card does not belong to the version being published.');
    }
    // Where the store can create-if-absent, even a holder of a lost lock cannot overwrite; where it cannot, the
    // hash in the card makes such an adapter unusable, never wrong.
    if (!(await store.create(objectKeys.adapter(ref, version), adapter))) continue;
    const record: VersionRecord = { card, adapterSha256, adapterBytes: adapter.byteLength };
    await store.put(objectKeys.card(ref, version), encodeJson(record));
    return record;
  }
}
