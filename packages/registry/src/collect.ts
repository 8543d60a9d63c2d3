import { type AliasEntry, type Collection, dayMs, type ModelRef, type Retention } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { readAliases } from './aliases.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { listVersions } from './versions.js';

/**
 * A version that stopped being live is kept for this long whatever the policy says: a process that has not heard of the
 * switch (1 s at most) may be loading its adapter.
 */
const graceMs = 600_000;

/** Versions that were live at or after `since`, milliseconds since the epoch; entries oldest first. */
export function liveSince(entries: readonly AliasEntry[], since: number): Set<number> {
  const found = new Set<number>();
  entries.forEach(({ version }, at) => {
    const next = entries[at + 1];
    if (next === undefined || Date.parse(next.at) >= since) found.add(version);
  });
  return found;
}

/**
 * Removes the versions that the policy does not keep, and what deaths have left. Call it under the model's lock: then no
 * publisher is half-way, and `live` and pins stand still.
 * @returns besides, the bytes removed
 */
export async function collectVersions(
  store: ObjectStore,
  ref: ModelRef,
  { lastVersions, liveDays }: Retention,
  now: number,
): Promise<Collection & { bytes: number }> {
  const { published, pinned, warm, bytes: sizes, leftovers, highest } = await listVersions(store, ref);
  const entries = (await readAliases(store, ref)).map(({ record }) => record);
  const since = now - Math.max(liveDays * dayMs, graceMs);
  const keep = new Set([...published.slice(-lastVersions), ...pinned, ...liveSince(entries, since)]);
  const removed = published.filter((version) => !keep.has(version));
  let bytes = 0;
  const remove = async (key: string) => {
    await store.delete(key);
    bytes += sizes.get(key) ?? 0;
  };
  // The card first: from then on the version does not exist, and a death leaves what the next collection removes.
  await mapLimit(removed, (version) => remove(objectKeys.card(ref, version)));
  // The highest folder stays, also an unfinished one, so that its number is never used again.
  const unfinished = leftovers.filter((version) => version !== highest);
  await mapLimit([...removed, ...unfinished], async (version) => {
    await remove(objectKeys.adapter(ref, version));
    await remove(objectKeys.pin(ref, version));
  });
  // Training goes on from what is live, and from nothing else.
  const live = entries.at(-1)?.version;
  await mapLimit(
    warm.filter((version) => version !== live),
    (version) => remove(objectKeys.warmStart(ref, version)),
  );
  return { removed, leftovers: unfinished.length, kept: published.length - removed.length, bytes };
}
