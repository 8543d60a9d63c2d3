import type { Card, ModelRef } from '@scion/contracts';
import { createFileStore, createTurns, listAll, type ObjectStore } from '@scion/store';
import type { TrainingRow } from '../estimator/trainer.js';

/** What is remembered of one model: its rows, and the version that answers. */
export interface ModelRecord {
  rows: TrainingRow[];
  live: LiveVersion | null;
  lastVersion: number;
}

export interface LiveVersion {
  version: number;
  adapterSha256: string;
  card: Card;
  /** Ids of the rows it was trained on. Records of before have none: then nothing is known to be new to it. */
  rowIds?: string[];
}

export interface Records {
  read(ref: ModelRef): Promise<ModelRecord>;
  write(ref: ModelRef, record: ModelRecord): Promise<void>;
  adapter(ref: ModelRef, version: number): Promise<Uint8Array | undefined>;
  /** False, and nothing is written, where the version exists. */
  createAdapter(ref: ModelRef, version: number, bytes: Uint8Array): Promise<boolean>;
  forget(ref: ModelRef): Promise<void>;
  /** One at a time for each model, whoever in this process opened the folder. */
  inTurn<T>(ref: ModelRef, work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** By folder and model. */
const inTurn = createTurns();

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
    createAdapter: async (ref, version, bytes) =>
      (await store.create(adapterKey(ref, version), bytes)) !== undefined,
    async forget(ref) {
      for await (const { key } of listAll(store, keyOf(ref, ''))) await store.delete(key);
    },
    inTurn: (ref, work) => inTurn(`${folder}/${keyOf(ref, '')}`, work),
    close: () => store.close(),
  };
}
