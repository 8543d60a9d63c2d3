import { join } from 'node:path';
import { AppError, type CacheState, type ModelRef } from '@scion/contracts';
import { type AdapterKey, createAdapterCache } from './adapter/cache.js';
import { decodeAdapter } from './adapter/decode.js';
import { createDiskTier, type DiskTierState } from './adapter/disk-tier.js';
import { readBase } from './base/base.js';
import type { BaseInfo } from './base/base-info.js';
import type { CallOptions, LabelProbabilities, PredictOptions, TenantCall } from './calls.js';
import { featuresOf } from './features.js';
import { createTrainer } from './lora/trainer.js';
import { mapBounded } from './map-bounded.js';
import type { Admission } from './schedule/admission.js';
import { createScheduler, type Scheduler } from './schedule/scheduler.js';
import { toPredictions } from './softmax.js';
import { createThreadPool } from './thread/pool.js';
import type { Provider, Row, RowAnswer, ThreadSetup, TrunkOutput } from './thread/protocol.js';
import { createTraining, type TrainInput, type Training, type TrainOptions } from './train.js';
import { createTrunkCache, type Embedded, type TrunkCacheState } from './trunk-cache.js';
import { createZeroShot } from './zero-shot.js';

export interface EngineOptions {
  /** What `registerBase` wrote. */
  baseDir: string;
  /** Inference threads, each with sessions of its own; as many as there are cores is best. */
  threads: number;
  /** Budget of the adapter cache: whole bytes, enough for any one adapter. */
  cacheBytes: number;
  /** Budget of the trunk cache, some 50 kB for a text of 32 tokens; 0 keeps nothing. Default 0. */
  trunkCacheBytes?: number;
  /** The bytes of an artifact; undefined when there is none. */
  loadAdapter(key: AdapterKey): Promise<Uint8Array | undefined>;
  /** Rows × tokens of one run: bounds its memory, which a session never gives back, and its time. Default 512. */
  maxTokensPerRun?: number;
  /** Rows of predictions that may wait; beyond, calls reject as overloaded. Default 4096. */
  maxQueuedRows?: number;
  /**
   * A prediction that no thread has taken up by then rejects as overloaded, and at once where what waits would keep it
   * waiting for longer. One that has been taken up is answered. Default 10 s.
   */
  maxWaitMs?: number;
  /** Budget for what training remembers of texts, some 50 kB each. Default 256 MB. */
  trainingCacheBytes?: number;
  /** Artifacts kept on a local disk, in a folder of their own, which is emptied at the start. Default: none. */
  diskTier?: { folder: string; budgetBytes: number } | undefined;
  /** `cuda` where onnxruntime-node has it, else the CPU with a warning. Default `cpu`. */
  provider?: Provider;
  /** Told how many seconds each load of an adapter took. */
  onAdapterLoaded?: ((seconds: number) => void) | undefined;
  logger?: { warn(fields: object, message: string): void };
}

export interface Engine {
  readonly base: BaseInfo;
  /** What runs the base. */
  readonly provider: Provider;
  /** Why it is not the provider asked for; undefined when it is. */
  readonly providerFallback: string | undefined;
  readonly threads: number;
  /** What heads are trained on, rows × featureSize. Any number of rows; yields to predictions. */
  features(texts: string[], options?: CallOptions): Promise<Float32Array>;
  /**
   * What the serving trunk makes of texts, for training a top. Any number of rows; yields to predictions. With a tenant
   * it comes from the trunk cache where it is there, equal but for the last bits, which hang on what shared the run.
   */
  trunk(texts: string[], options?: TenantCall): Promise<TrunkOutput[]>;
  /** Sentence embeddings of unit length, rows × hiddenSize. */
  embed(texts: string[], options?: CallOptions): Promise<Float32Array>;
  /**
   * One user's model in the making, on the threads. Deterministic for a seed on one machine, whoever trains beside.
   * @throws AppError too_few_examples with fewer than two labels
   */
  training(input: TrainInput, options: TrainOptions): Training;
  /**
   * The answers of one version, and of no other.
   * @throws AppError artifact_invalid, base_mismatch, overloaded
   */
  predict(key: AdapterKey, texts: string[], options?: PredictOptions): Promise<LabelProbabilities>;
  /**
   * The answers of several models of one tenant to the same texts, for one pass of the texts through the trunk: for each
   * key what `predict` would answer, or why it would not.
   * @throws AppError overloaded
   */
  predictEach(
    keys: AdapterKey[],
    texts: string[],
    options?: CallOptions,
  ): Promise<PromiseSettledResult<LabelProbabilities>[]>;
  /** Loads adapters that will be asked for soon, in the background, as far as there is room. */
  prefetch(keys: AdapterKey[]): Promise<void>;
  /** Without any training: the label whose name lies nearest. */
  zeroShot(labels: string[], texts: string[], options?: TenantCall): Promise<LabelProbabilities>;
  /** Forgets every cached version of a model. */
  evict(ref: ModelRef): void;
  /** Forgets every cached version of every model: any of them may have been erased. */
  evictAll(): void;
  cacheState(): CacheState;
  /** Bytes of adapters in memory by tenant, for who is billed by them. */
  cachedBytes(): Map<string, number>;
  /** Null without a disk tier. */
  diskTierState(): DiskTierState | null;
  trunkCacheState(): TrunkCacheState;
  queuedRows(): number;
  /** Rejects what waits, ends the threads. */
  close(): Promise<void>;
}

interface Call extends PredictOptions, TenantCall {
  admission?: Admission | undefined;
}

/** A prediction of more rows than this is a job's, and waits as one. */
const INTERACTIVE_ROWS = 512;
/** Loads of one `prefetch` under way at a time: they must not keep those out who wait for an answer. */
const PREFETCHES_AT_ONCE = 8;
/** How often the trunk caches drop what is too old. */
const PURGE_MS = 60_000;
/** Rows of one `predictEach` under way at a time: several full runs, yet not the whole queue. */
const ROWS_AT_ONCE = 512;

/**
 * One frozen base, shared by everybody, and the adapters of those who ask.
 * @throws BaseError when the base cannot be read; RangeError without room for adapters
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { baseDir, threads, cacheBytes, loadAdapter, maxTokensPerRun = 512 } = options;
  if (!Number.isInteger(cacheBytes) || cacheBytes < 1)
    throw new RangeError(
      `cacheBytes is ${cacheBytes}: adapters in use need a whole number of bytes, 1 or more; some MB are usual.`,
    );
  const { trunkCacheBytes = 0, maxQueuedRows = 4_096, maxWaitMs = 10_000 } = options;
  const base = await readBase(baseDir);
  const { featureSize, hiddenSize, maxTokens } = base;
  const setup: ThreadSetup = {
    trunkPath: join(baseDir, 'trunk.onnx'),
    topPath: join(baseDir, 'top.onnx'),
    trainingPath: join(baseDir, 'training.onnx'),
    tokenizerPath: join(baseDir, 'tokenizer.json'),
    sites: base.sites,
    provider: options.provider ?? 'cpu',
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
  const topShare = base.topLayers / base.layers;
  const work = createScheduler({
    ...{ threads: pool, maxTokens, maxTokensPerRun, maxQueuedRows, maxWaitMs, topShare },
  });
  scheduler = work;
  if (pool.fallback !== undefined)
    options.logger?.warn({ reason: pool.fallback, provider: pool.provider }, 'provider not available');
  const warn = (err: unknown) => options.logger?.warn({ err }, 'adapters on the local disk');
  const disk = options.diskTier
    ? await createDiskTier({ ...options.diskTier, load: loadAdapter, onError: warn })
    : undefined;
  const cache = createAdapterCache({
    budgetBytes: cacheBytes,
    onLoaded: options.onAdapterLoaded,
    load(key) {
      const read = async () => {
        const file = await (disk?.load(key) ?? loadAdapter(key));
        if (file === undefined)
          throw new AppError(
            'artifact_invalid',
            `The artifact of version ${key.version} is missing from the store.`,
          );
        const expected = { base, owner: key, version: key.version, sha256: key.adapterSha256 };
        const { card: _, ...resident } = decodeAdapter(file, expected);
        return resident;
      };
      return read().catch((error: unknown) => {
        // A read can go wrong where the store is whole, and a refusal is remembered.
        if (error instanceof AppError && error.code === 'artifact_invalid') return read();
        throw error;
      });
    },
  });
  const trunks = createTrunkCache<TrunkOutput>(trunkCacheBytes);
  const trained = createTrunkCache<Embedded>(options.trainingCacheBytes ?? 256 * 1024 * 1024);
  const purging = setInterval(() => {
    trunks.purge();
    trained.purge();
  }, PURGE_MS).unref();
  const trainer = createTrainer({ size: threads, train: work.train, prepare: work.prepare });

  const find = (text: string, { tenantId }: TenantCall) =>
    tenantId === undefined ? undefined : trunks.get(tenantId, text);
  /** Answers rows for a tenant; what the trunk makes of texts enters its cache. */
  const compute = async (
    inputs: (string | TrunkOutput)[],
    row: Pick<Row, 'lora' | 'answer'>,
    { tenantId, signal, admission, bulk = inputs.length > INTERACTIVE_ROWS }: Call,
  ): Promise<RowAnswer[]> => {
    const keepTrunk = tenantId !== undefined && trunkCacheBytes > 0;
    const answers = await work.run(
      inputs.map((input) => ({ ...row, input, keepTrunk })),
      { flow: tenantId, bulk, admission, signal },
    );
    for (const [at, { trunk }] of answers.entries()) {
      const input = inputs[at];
      if (trunk && tenantId !== undefined && typeof input === 'string') trunks.set(tenantId, input, trunk);
    }
    return answers;
  };
  /** The same; texts that the tenant's cache knows skip the trunk. */
  const answer = (
    inputs: (string | TrunkOutput)[],
    row: Pick<Row, 'lora' | 'answer'>,
    call: Call,
  ): Promise<RowAnswer[]> =>
    compute(
      inputs.map((input) => (typeof input === 'string' ? (find(input, call) ?? input) : input)),
      row,
      call,
    );
  const trunkOf = async (texts: string[], call: Call): Promise<TrunkOutput[]> => {
    const found = texts.map((text) => find(text, call));
    const missing = [...texts.keys()].filter((row) => found[row] === undefined);
    const answers = await compute(
      missing.map((row) => texts[row]),
      { answer: 'trunk' },
      call,
    );
    for (const [at, row] of missing.entries()) found[row] = answers[at].trunk;
    return found as TrunkOutput[];
  };
  const predict = async (
    key: AdapterKey,
    inputs: (string | TrunkOutput)[],
    callOptions: Omit<Call, 'tenantId'> = {},
  ): Promise<LabelProbabilities> => {
    const lease = await cache.acquire(key);
    try {
      const { kind, labels, head, lora } = lease.adapter;
      const call = { ...callOptions, tenantId: key.tenantId };
      const answers = await answer(inputs, { lora, answer: [head] }, call);
      const outputs = head.bias.length;
      const probabilities = new Float32Array(inputs.length * outputs);
      for (const [row, { values }] of answers.entries()) {
        toPredictions(kind, values);
        probabilities.set(values, row * outputs);
      }
      return { labels: [...labels], probabilities };
    } finally {
      lease.release();
    }
  };
  const embed = async (texts: string[], call: TenantCall = {}) => {
    const out = new Float32Array(texts.length * hiddenSize);
    // The last layer's part of each row's features.
    for (const [row, { values }] of (await answer(texts, { answer: 'features' }, call)).entries())
      out.set(values.subarray(featureSize - hiddenSize), row * hiddenSize);
    return out;
  };

  return {
    base,
    provider: pool.provider,
    providerFallback: pool.fallback,
    threads,
    features: (texts, { signal } = {}) => featuresOf(work, texts, { bulk: true, signal }),
    trunk: (texts, call = {}) => trunkOf(texts, { ...call, bulk: true }),
    embed,
    training: (input, trainOptions) =>
      createTraining({ base, scheduler: work, trainer, trunkCache: trained }, input, trainOptions),
    predict,
    async predictEach(keys, texts, callOptions = {}) {
      if (keys.length === 0) return [];
      const [{ tenantId }] = keys;
      if (keys.some((key) => key.tenantId !== tenantId)) throw new TypeError('keys of several tenants');
      const fit = Math.max(1, Math.floor(Math.min(ROWS_AT_ONCE, maxQueuedRows) / texts.length));
      const atOnce = Math.min(keys.length, fit);
      const call: Omit<Call, 'tenantId'> = { ...callOptions };
      // As a whole: what has begun must not fail for what it does itself, nor for who comes later.
      if (texts.length <= INTERACTIVE_ROWS)
        call.admission = work.admit(
          texts.map((input) => ({ input, answer: 'trunk' })),
          { flow: tenantId, times: 1 + keys.length * topShare, atOnce: atOnce * texts.length },
        );
      const inputs = await trunkOf(texts, { ...call, tenantId });
      // Each holds one lease and waits for no other, so that any number of models gets through the smallest cache.
      return mapBounded(keys, atOnce, (key) => predict(key, inputs, call));
    },
    zeroShot: createZeroShot({ embed, hiddenSize }),
    async prefetch(keys) {
      await mapBounded(keys, PREFETCHES_AT_ONCE, (key) => cache.prefetch(key));
    },
    evict(ref) {
      cache.evict(ref);
      disk?.evict(ref).catch(warn);
    },
    evictAll() {
      cache.evictAll();
      disk?.evictAll().catch(warn);
    },
    cacheState: () => cache.state(),
    cachedBytes: () => cache.bytesByTenant(),
    diskTierState: () => disk?.state() ?? null,
    trunkCacheState: () => trunks.state(),
    queuedRows: () => work.queuedRows(),
    async close() {
      clearInterval(purging);
      work.close();
      await pool.close();
    },
  };
}
