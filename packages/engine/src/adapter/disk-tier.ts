import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRef } from '@scion/contracts';
import { LRUCache } from 'lru-cache';
import type { AdapterKey } from './cache.js';
import { hash } from './format.js';

/**
 * Artifacts on a local disk, between memory and a store that is far away. Only bytes of the recorded hash are kept, and a
 * file that has another by now is fetched again: no damage of this disk reaches who asks.
 */
export interface DiskTier {
  /** From the disk, else from the store and then kept. */
  load(key: AdapterKey): Promise<Uint8Array | undefined>;
  /** Forgets all of a model, for it was erased: loads under way leave nothing either. Resolves when its files are gone. */
  evict(ref: ModelRef): Promise<void>;
  /** The same of every model. */
  evictAll(): Promise<void>;
  state(): DiskTierState;
}

export interface DiskTierState {
  bytes: number;
  budgetBytes: number;
  /** Loads that the disk answered. */
  hits: number;
}

export interface DiskTierOptions {
  /** A folder of the tier's own. It is emptied at the start: what was erased meanwhile must not come back. */
  folder: string;
  budgetBytes: number;
  load(key: AdapterKey): Promise<Uint8Array | undefined>;
  onError(error: unknown): void;
}

interface File {
  path: string;
  bytes: number;
}

/** One load from the store, and the file that comes of it. */
interface Flight {
  model: string;
  /** Evicted meanwhile: it leaves no file. */
  doomed: boolean;
  /** Once it is being written. */
  kept?: Promise<void>;
}

export async function createDiskTier({
  folder,
  budgetBytes,
  load,
  onError,
}: DiskTierOptions): Promise<DiskTier> {
  await mkdir(folder, { recursive: true });
  /** Not the folder itself, which may be where a disk is mounted. */
  const empty = async () => {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
  };
  await empty();
  const remove = (path: string) => rm(path, { force: true }).catch(onError);
  const files = new LRUCache<string, File>({
    maxSize: budgetBytes,
    sizeCalculation: ({ bytes }) => bytes,
    // Who deletes one waits for its removal.
    dispose: ({ path }, _, reason) => {
      if (reason !== 'delete') void remove(path);
    },
  });
  const flights = new Set<Flight>();
  let hits = 0;
  let written = 0;

  const keep = async (key: AdapterKey, bytes: Uint8Array, flight: Flight): Promise<void> => {
    written += 1;
    // A name that no other file gets, and that tells nobody who looks at the disk whose it is.
    const path = join(folder, String(written));
    try {
      // Again: what tidies temporary files may have taken an empty one.
      await mkdir(folder, { recursive: true });
      await writeFile(path, bytes);
      if (!flight.doomed) {
        files.set(idOf(key), { path, bytes: bytes.byteLength });
        return;
      }
    } catch (error) {
      onError(error);
    }
    await remove(path);
  };

  /** From the store; then written, which is not waited for: the disk must not delay an answer, and a full one not fail it. */
  const fetch = async (key: AdapterKey): Promise<Uint8Array | undefined> => {
    const flight: Flight = { model: nameOf(key), doomed: false };
    flights.add(flight);
    try {
      const bytes = await load(key);
      const fits = bytes !== undefined && bytes.byteLength <= budgetBytes;
      if (fits && isWhole(key, bytes) && !flight.doomed) flight.kept = keep(key, bytes, flight);
      return bytes;
    } finally {
      void Promise.resolve(flight.kept).then(() => flights.delete(flight));
    }
  };

  /** Makes this forgotten at once. Resolves when its files are gone, those too that were being written. */
  const forget = async (concerns: (model: string) => boolean): Promise<void> => {
    const concerned = [...flights].filter(({ model }) => concerns(model));
    for (const flight of concerned) flight.doomed = true;
    const gone = [...files].filter(([id]) => concerns(id.slice(0, id.indexOf('/'))));
    for (const [id] of gone) files.delete(id);
    for (const [, { path }] of gone) await remove(path);
    await Promise.all(concerned.map(({ kept }) => kept));
  };

  return {
    async load(key) {
      const file = files.get(idOf(key));
      if (file) {
        try {
          const bytes = await readFile(file.path);
          if (!isWhole(key, bytes)) throw new Error('a copy is damaged; it is fetched again from the store');
          hits += 1;
          return bytes;
        } catch (error) {
          if (files.peek(idOf(key)) === file) files.delete(idOf(key));
          await remove(file.path);
          onError(error);
        }
      }
      return fetch(key);
    },
    async evict(ref) {
      const erased = nameOf(ref);
      await forget((model) => model === erased);
    },
    async evictAll() {
      await forget(() => true);
      await empty();
    },
    state: () => ({ bytes: files.calculatedSize, budgetBytes, hits }),
  };
}

const isWhole = (key: AdapterKey, bytes: Uint8Array) => hash([bytes]) === key.adapterSha256;

/** A hash: names of users may hold anything, and be long. */
function nameOf({ tenantId, task, user }: ModelRef): string {
  return createHash('sha256')
    .update(JSON.stringify([tenantId, task, user]))
    .digest('hex');
}

function idOf(key: AdapterKey): string {
  return `${nameOf(key)}/${key.version}:${key.adapterSha256}`;
}
