import type { Card, ModelRef } from '@scion/contracts';
import { createFileStore, type ObjectStore } from '@scion/store';
import type { TrainingRow } from '../estimator/trainer.js';

/** What is remembered of one model: its rows, and the version that answers. */
export interface ModelRecord {
  rows: TrainingRow[];
  live: { version: number; adapterSha256: string; card: Card } | null;
  lastVersion: number;
}

export interface Records {
  read(ref: ModelRef): Promise<ModelRecord>;
  write(ref: ModelRef, record: ModelRecord): Promise<void>;
  adapter(ref: ModelRef, version: number): Promise<Uint8Array | undefined>;
  putAdapter(ref: ModelRef, version: number, bytes: Uint8Array): Promise<void>;
  forget(ref: ModelRef): Promise<void>;
  close(): Promise<void>;
}

/** A folder of one file for the record and one for each version. The record is written last, and names what counts. */
export async function openRecords(folder: string): Promise<Records> {
  const store: ObjectStore = await createFileStore({ root: folder });
  // Percent-encoded, and behind a letter: a user may be called `..`.
  const keyOf = ({ task, user }: ModelRef, name: string): string =>
    `models/t-${encodeURIComponent(task)}/u-${encodeURIComponent(user)}/${name}`;
  const adapterKey = (ref: ModelRef, version: number): string => keyOf(ref, `adapter-${version}.safetensors`);
  const read = async (ref: ModelRef): Promise<ModelRecord> => {
    const found = await store.get(keyOf(ref, 'model.json'));
    return found
      ? (JSON.parse(new TextDecoder().decode(found.body)) as ModelRecord)
      : { rows: [], live: null, lastVersion: 0 };
  };
  return {
    read,
    async write(ref, record) {
      await store.put(keyOf(ref, 'model.json'), new TextEncoder().encode(JSON.stringify(record)));
    },
    adapter: async (ref, version) => (await store.get(adapterKey(ref, version)))?.body,
    async putAdapter(ref, version, bytes) {
      await store.put(adapterKey(ref, version), bytes);
    },
    async forget(ref) {
      const { lastVersion } = await read(ref);
      for (let version = 1; version <= lastVersion; version += 1)
        await store.delete(adapterKey(ref, version));
      await store.delete(keyOf(ref, 'model.json'));
    },
    close: () => store.close(),
  };
}
