/**
 * Scion without a server: the engine in this process and a folder for what it learns. For notebooks, tests and tools of
 * one person; whoever serves many users runs the service.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { TaskKind } from '@scion/contracts';
import { createEngine, type Engine } from '@scion/engine';
import { Personalizer as Estimator, type PersonalizerParams } from '../estimator/personalizer.js';
import type { Trainer } from '../estimator/trainer.js';
import { findBase } from './find-base.js';
import { createLocalTrainer } from './local-trainer.js';
import { openRecords, type Records } from './records.js';

export interface LocalPersonalizerOptions extends PersonalizerParams {
  task: string;
  user: string;
  /** One label a row (the default), any number of labels, or a number. */
  kind?: TaskKind | undefined;
  /** Answers less probable than this are null; default 0. */
  abstainBelow?: number | undefined;
  /** Where models and the converted base are kept; default `.scion`. */
  folder?: string | undefined;
  /** Folder of a registered base (`scion base add`); default: all-MiniLM-L6-v2 from npm. */
  base?: string | undefined;
  /** Default: one a core. */
  threads?: number | undefined;
}

/** The estimator, trained and asked in this process. Call `close` in the end: it holds threads. */
export class Personalizer extends Estimator {
  constructor(options: LocalPersonalizerOptions) {
    const {
      task,
      user,
      kind = 'classification',
      abstainBelow = 0,
      folder,
      base,
      threads,
      ...params
    } = options;
    const place = { folder: resolve(folder ?? '.scion'), base, threads: threads ?? availableParallelism() };
    super({ ...params, task, user, trainer: openLater(place, { task, kind, abstainBelow }) });
  }
}

interface Place {
  folder: string;
  base: string | undefined;
  threads: number;
}

interface Parts {
  engine: Engine;
  records: Records;
}

interface Shared {
  parts: Promise<Parts>;
  users: number;
}

/** One engine serves all estimators of a folder; it ends with the last of them. */
const open = new Map<string, Shared>();

/** Opens nothing until it is asked something, since a constructor cannot wait. */
function openLater(
  place: Place,
  { task, kind, abstainBelow }: { task: string; kind: TaskKind; abstainBelow: number },
): Trainer {
  let opened: Promise<Trainer> | undefined;
  const trainer = (): Promise<Trainer> => {
    if (opened) return opened;
    const opening = share(place).then((shared) =>
      createLocalTrainer({ ...shared, task, kind, abstainBelow }),
    );
    opened = opening;
    opening.catch(() => {
      // So that the next call tries anew.
      if (opened === opening) opened = undefined;
    });
    return opening;
  };
  return {
    kind: async () => kind,
    train: async (user, request) => (await trainer()).train(user, request),
    predict: async (user, inputs) => (await trainer()).predict(user, inputs),
    forget: async (user) => (await trainer()).forget(user),
    async close() {
      const ending = opened;
      opened = undefined;
      // That it could not be opened has been told to whoever asked something.
      await (await ending?.catch(() => undefined))?.close();
    },
  };
}

/** Counts before it waits: whoever closes meanwhile must not take the engine for unused. */
async function share(place: Place): Promise<Parts & { close(): Promise<void> }> {
  const key = JSON.stringify(place);
  let shared = open.get(key);
  if (!shared) {
    shared = { parts: openParts(place), users: 0 };
    open.set(key, shared);
    shared.parts.catch(() => open.delete(key));
  }
  const counted = shared;
  counted.users += 1;
  const { engine, records } = await counted.parts;
  return {
    ...{ engine, records },
    async close() {
      counted.users -= 1;
      if (counted.users > 0) return;
      open.delete(key);
      await engine.close();
      await records.close();
    },
  };
}

async function openParts({ folder, base, threads }: Place): Promise<Parts> {
  await mkdir(folder, { recursive: true });
  const baseDir = await findBase(folder, base);
  const records = await openRecords(folder);
  const engine = await createEngine({
    ...{ baseDir, threads, cacheBytes: 64 * 1024 * 1024 },
    loadAdapter: (key) => records.adapter(key, key.version),
  });
  return { engine, records };
}
