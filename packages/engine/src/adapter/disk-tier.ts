import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRef } from '@scion/contracts';
import { LRUCache } from 'lru-cache';
import type { AdapterKey } from './cache.js';

/**
 * Artifacts on a local disk, between memory and a store that is far away. A file is what the store gave and is read as
 * strictly: a damaged one is refused by its hash, dropped, and fetched again.
 */
export interface DiskTier {
  /** From the disk, else from the store and then kept. */
  load(key: AdapterKey): Promise<Uint8Array | undefined>;
  /** Forgets one version's file: it was refused. */
  drop(key: AdapterKey): Promise<void>;
  /** Forgets all of a model, for it was erased. Resolves when its files are gone. */
  evict(ref: ModelRef): Promise<void>;
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

export async function createDiskTier({
  folder,
  budgetBytes,
  load,
  onError,
}: DiskTierOptions): Promise<DiskTier> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const remove = (path: string) => rm(path, { force: true }).catch(onError);
  const files = new LRUCache<string, File>({
    maxSize: budgetBytes,
    sizeCalculation: ({ bytes }) => bytes,
    dispose: ({ path }, _, reason) => {
      if (reason === 'evict') void remove(path);
    },
  });
  /** Files being written: an eviction waits for those of its model. */
  const writing = new Set<{ model: string; ended: Promise<void> }>();
  let hits = 0;
  let written = 0;

  const keep = async (key: AdapterKey, bytes: Uint8Array): Promise<void> => {
    const model = modelFolder(key);
    const path = join(folder, model, `${key.version}-${key.adapterSha256}`);
    written += 1;
    const temporary = `${path}.${written}`;
    await mkdir(join(folder, model), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, path);
    files.set(idOf(key), { path, bytes: bytes.byteLength });
  };

  return {
    async load(key) {
      const file = files.get(idOf(key));
      if (file) {
        try {
          const bytes = await readFile(file.path);
          hits += 1;
          return bytes;
        } catch (error) {
          files.delete(idOf(key));
          onError(error);
        }
      }
      const bytes = await load(key);
      // Not waited for: the disk must not delay an answer, and a full one must not fail it.
      if (bytes !== undefined && bytes.byteLength <= budgetBytes) {
        const ended = keep(key, bytes).catch(onError);
        const write = { model: modelFolder(key), ended };
        writing.add(write);
        void ended.finally(() => writing.delete(write));
      }
      return bytes;
    },
    async drop(key) {
      const file = files.get(idOf(key));
      files.delete(idOf(key));
      if (file) await remove(file.path);
    },
    async evict(ref) {
      const model = modelFolder(ref);
      await Promise.all([...writing].map((write) => write.model === model && write.ended));
      for (const id of [...files.keys()]) if (id.startsWith(`${model}/`)) files.delete(id);
      await rm(join(folder, model), { recursive: true, force: true });
    },
    state: () => ({ bytes: files.calculatedSize, budgetBytes, hits }),
  };
}

/** A hash: names of users may hold anything, and are nobody's business who looks at the disk. */
function modelFolder({ tenantId, task, user }: ModelRef): string {
  return createHash('sha256')
    .update(JSON.stringify([tenantId, task, user]))
    .digest('hex');
}

function idOf(key: AdapterKey): string {
  return `${modelFolder(key)}/${key.version}:${key.adapterSha256}`;
}
