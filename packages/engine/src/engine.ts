import { join } from 'node:path';
import { AppError, type CacheState, type ModelRef } from '@scion/contracts';
import { LRUCache } from 'lru-cache';
import { type AdapterKey, createAdapterCache } from './adapter/cache.js';
import { decodeAdapter } from './adapter/decode.js';
import { type BaseInfo, readBase } from './base/base.js';
import { featuresOf } from './features.js';
import { createTrainer } from './lora/trainer.js';
import { createScheduler, type Scheduler } from './scheduler.js';
import { toPredictions } from './softmax.js';
import { createThreadPool } from './thread/pool.js';
import type { ThreadSetup, TrunkOutput } from './thread/protocol.js';
import { createTraining, type TrainInput, type Training, type TrainOptions } from './train.js';
import { createTrunkCache } from './trunk-cache.js';
import { labelPhrase, nearestLabels } from './zero-shot.js';

export interface EngineOptions {
  /** What `registerBase` wrote. */
  baseDir: string;
  /** Inference threads, each with a session of its own; as many as there are cores is best. */
  threads: number;
  /** Budget of the adapter cache. */
  cacheBytes: number;
  /** The bytes of an artifact; undefined when there is none. */
  loadAdapter(key: AdapterKey): Promise<Uint8Array | undefined>;
  /** Rows × tokens of one run: bounds its memory, which a session never gives back, and its time. Default 512. */
  maxTokensPerRun?: number;
  /** Rows of predictions that may wait; beyond, calls reject as overloaded. Default 4096. */
  maxQueuedRows?: number;
  /** Budget for what training remembers of texts, some 50 kB each. Default 256 MB. */
  trainingCacheBytes?: number;
  logger?: { warn(fields: object, message: string): void };
}

export interface LabelProbabilities {
  /** Of a regression none. */
  labels: string[];
  /** rows × labels; of a regression a value for each row. */
  probabilities: Float32Array;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface Engine {
  readonly base: BaseInfo;
  /** What runs the base: `cpu`. */
  readonly provider: string;
  readonly threads: number;
  /** What heads are trained on, rows × featureSize. Any number of rows; yields to predictions. */
  features(texts: string[], options?: CallOptions): Promise<Float32Array>;
  /** What the serving trunk makes of texts, for training a top. Any number of rows; yields to predictions. */
  trunk(texts: string[], options?: CallOptions): Promise<TrunkOutput[]>;
  /** Sentence embeddings of unit length, rows × hiddenSize. */
  embed(texts: string[], options?: CallOptions): Promise<Float32Array>;
  /**
   * One user's model in the making, on the threads. Deterministic for a seed on one machine, but for rounding where
   * others train at the same time.
   * @throws AppError too_few_examples with fewer than two labels
   */
  training(input: TrainInput, options: TrainOptions): Training;
  /**
   * The answers of one version, and of no other.
   * @throws AppError artifact_invalid, base_mismatch, overloaded
   */
  predict(key: AdapterKey, texts: string[], options?: CallOptions): Promise<LabelProbabilities>;
  /** Without any training: the label whose name lies nearest. */
  zeroShot(labels: string[], texts: string[], options?: CallOptions): Promise<LabelProbabilities>;
  /** Forgets every cached version of a model. */
  evict(ref: ModelRef): void;
  cacheState(): CacheState;
  /** Bytes of adapters in memory by tenant, for who is billed by them. */
  cachedBytes(): Map<string, number>;
  queuedRows(): number;
  /** Rejects what waits, ends the threads. */
  close(): Promise<void>;
}

/** A prediction of more rows than this is a job's, and waits as one. */
const INTERACTIVE_ROWS = 512;
/** Embedded label names kept for zero-shot answers: 1.5 kB each. */
const LABEL_NAMES = 5_000;

/**
 * One frozen base, shared by everybody, and the adapters of those who ask.
 * @throws BaseError when the base cannot be read
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { baseDir, threads, cacheBytes, loadAdapter, maxTokensPerRun = 512, maxQueuedRows = 4_096 } = options;
  const { trainingCacheBytes = 256 * 1024 * 1024 } = options;
  const base = await readBase(baseDir);
  const { featureSize, hiddenSize, maxTokens } = base;
  const setup: ThreadSetup = {
    trunkPath: join(baseDir, 'trunk.onnx'),
    topPath: join(baseDir, 'top.onnx'),
    trainingPath: join(baseDir, 'training.onnx'),
    tokenizerPath: join(baseDir, 'tokenizer.json'),
    sites: base.sites,
    ...{ maxTokens, maxTokensPerRun, hiddenSize, featureSize },
  };
  let scheduler: Scheduler | undefined;
  const pool = await createThreadPool({
    size: threads,
    entry: new URL('./thread/main.js', import.meta.url),
    setup,
    onIdle: () => scheduler?.wake(),
    onCrash: (err) => options.logger?.warn({ err }, 'inference thread stopped; starting another'),
  });
  const work = createScheduler({ threads: pool, maxTokens, maxTokensPerRun, maxQueuedRows });
  scheduler = work;

  const trainer = createTrainer({ size: threads, train: work.train, prepare: work.prepare });
  const trunkCache = createTrunkCache(trainingCacheBytes);

  const cache = createAdapterCache({
    budgetBytes: cacheBytes,
    async load(key) {
      const file = await loadAdapter(key);
      if (file === undefined)
        throw new AppError(
          'artifact_invalid',
          `The artifact of version ${key.version} is missing from the store.`,
        );
      const { card: _, ...resident } = decodeAdapter(file, {
        base,
        owner: key,
        version: key.version,
        sha256: key.adapterSha256,
      });
      return resident;
    },
  });

  /** The last layer's part of each row's features. */
  const lastLayer = (features: Float32Array): Float32Array => {
    const rows = features.length / featureSize;
    const out = new Float32Array(rows * hiddenSize);
    for (let row = 0; row < rows; row += 1)
      out.set(
        features.subarray((row + 1) * featureSize - hiddenSize, (row + 1) * featureSize),
        row * hiddenSize,
      );
    return out;
  };
  const interactive = (texts: string[], { signal }: CallOptions = {}) =>
    featuresOf(work, texts, { bulk: texts.length > INTERACTIVE_ROWS, signal });

  const names = new LRUCache<string, Float32Array>({ max: LABEL_NAMES });
  const embedLabels = async (labels: string[], callOptions?: CallOptions): Promise<Float32Array> => {
    const missing = [...new Set(labels)].filter((label) => !names.has(label));
    const found = lastLayer(await interactive(missing.map(labelPhrase), callOptions));
    const fresh = new Map(
      missing.map((label, at) => [label, found.slice(at * hiddenSize, (at + 1) * hiddenSize)]),
    );
    const out = new Float32Array(labels.length * hiddenSize);
    for (const [at, label] of labels.entries()) {
      const embedding = fresh.get(label) ?? names.get(label)!;
      names.set(label, embedding);
      out.set(embedding, at * hiddenSize);
    }
    return out;
  };

  return {
    base,
    provider: pool.provider,
    threads,
    features: (texts, { signal } = {}) => featuresOf(work, texts, { bulk: true, signal }),
    async trunk(texts, { signal } = {}) {
      const rows = texts.map((input) => ({ input, answer: 'trunk' as const }));
      return (await work.run(rows, { bulk: true, signal })).map(({ trunk }) => trunk!);
    },
    embed: async (texts, callOptions) => lastLayer(await interactive(texts, callOptions)),
    training: (input, trainOptions) =>
      createTraining({ base, scheduler: work, trainer, trunkCache }, input, trainOptions),

    async predict(key, texts, callOptions) {
      const lease = await cache.acquire(key);
      try {
        const { kind, labels, head, lora } = lease.adapter;
        const answers = await work.run(
          texts.map((input) => ({ input, lora, answer: [head] })),
          { bulk: texts.length > INTERACTIVE_ROWS, signal: callOptions?.signal },
        );
        const outputs = head.bias.length;
        const probabilities = new Float32Array(texts.length * outputs);
        for (const [row, { values }] of answers.entries()) {
          toPredictions(kind, values);
          probabilities.set(values, row * outputs);
        }
        return { labels: [...labels], probabilities };
      } finally {
        lease.release();
      }
    },

    async zeroShot(labels, texts, callOptions) {
      const [named, features] = await Promise.all([
        embedLabels(labels, callOptions),
        interactive(texts, callOptions),
      ]);
      return { labels: [...labels], probabilities: nearestLabels(lastLayer(features), named, hiddenSize) };
    },

    evict: (ref) => cache.evict(ref),
    cacheState: () => cache.state(),
    cachedBytes: () => cache.bytesByTenant(),
    queuedRows: () => work.queuedRows(),
    async close() {
      work.close();
      await pool.close();
    },
  };
}
