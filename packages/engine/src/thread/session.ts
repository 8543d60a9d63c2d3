import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { LoraWeights } from '../adapter/decode.js';
import type { Provider, ThreadSetup } from './protocol.js';
import { oneThread } from './session-options.js';

/** Hidden states at the cut, rows × tokens × hiddenSize, with the length of each row; the rest of it is padding. */
export interface HiddenBatch {
  hidden: Float32Array;
  tokens: number;
  lengths: number[];
}

/** The base as two functions. The only file that knows the runtime. */
export interface BaseSession {
  provider: Provider;
  /** Why it is not the provider asked for. */
  fallback: string | undefined;
  /**
   * The trunk's hidden states and its mean-pooled feature layers, rows × layers × hidden, not normalised.
   * @param rows token ids, padded here to the longest
   */
  runTrunk(rows: number[][]): Promise<HiddenBatch & { pooled: Float32Array }>;
  /**
   * The top's mean-pooled feature layers, rows × layers × hidden, not normalised.
   * @param loras of each row; undefined is the bare base
   */
  runTop(batch: HiddenBatch, loras: (LoraWeights | undefined)[]): Promise<Float32Array>;
  close(): Promise<void>;
}

type Sessions = Pick<ThreadSetup, 'trunkPath' | 'topPath' | 'hiddenSize' | 'sites' | 'provider'>;

async function openBoth({ trunkPath, topPath }: Sessions, provider: Provider) {
  const open = (path: string) =>
    InferenceSession.create(path, {
      ...oneThread,
      // What a provider does not know runs on the CPU.
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    });
  const trunk = await open(trunkPath);
  return { trunk, top: await open(topPath) };
}

/** Opens the base with the provider asked for, or with the CPU where that cannot be had. */
export async function openSession(setup: Sessions): Promise<BaseSession> {
  const { hiddenSize, sites } = setup;
  let { provider } = setup;
  let fallback: string | undefined;
  const { trunk, top } = await openBoth(setup, provider).catch((error: unknown) => {
    if (provider === 'cpu') throw error;
    fallback = `${provider} cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    provider = 'cpu';
    return openBoth(setup, provider);
  });
  const pooledOutput = top.outputNames[0];
  return {
    ...{ provider, fallback },
    async runTrunk(rows) {
      const lengths = rows.map((ids) => ids.length);
      const tokens = Math.max(...lengths);
      const dims = [rows.length, tokens];
      const { hidden, pooled } = await trunk.run({
        input_ids: wholes(dims, (row, at) => rows[row][at] ?? 0),
        attention_mask: maskOf(lengths, dims),
      });
      return {
        hidden: hidden.data as Float32Array,
        pooled: (pooled?.data as Float32Array | undefined) ?? new Float32Array(0),
        ...{ tokens, lengths },
      };
    },
    async runTop({ hidden, tokens, lengths }, loras) {
      const dims = [lengths.length, tokens];
      const users = [...new Set(loras)];
      // All of one user: their tokens are then one matrix, which is faster than a matrix a row.
      const owners = users.length === 1 ? [0] : loras.map((lora) => users.indexOf(lora));
      const outputs = await top.run({
        hidden: new Tensor('float32', hidden, [...dims, hiddenSize]),
        attention_mask: maskOf(lengths, dims),
        row_user: wholes([1, owners.length], (_, at) => owners[at]).reshape([owners.length]),
        ...loraInputs(users, sites),
      });
      return outputs[pooledOutput].data as Float32Array;
    },
    async close() {
      await trunk.release();
      await top.release();
    },
  };
}

/** int64 [rows, columns] of numbers below 2^31: written as the lower of two words, for BigInts are slow to make. */
function wholes([rows, columns]: number[], value: (row: number, column: number) => number): Tensor {
  const words = new Int32Array(2 * rows * columns);
  for (let row = 0, at = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1, at += 2) words[at] = value(row, column);
  return new Tensor('int64', new BigInt64Array(words.buffer), [rows, columns]);
}

function maskOf(lengths: number[], dims: number[]): Tensor {
  return wholes(dims, (row, at) => (at < lengths[row] ? 1 : 0));
}

/** For each site A [users, in, rank] and B [users, rank, out], every user padded with zeros to the largest rank. */
function loraInputs(users: (LoraWeights | undefined)[], sites: ThreadSetup['sites']): Record<string, Tensor> {
  const rank = users.reduce((most, lora) => Math.max(most, lora?.rank ?? 1), 1);
  const inputs: Record<string, Tensor> = {};
  // Where the present site begins, in sums of its sizes: times a user's rank it is that user's offset.
  let before = 0;
  for (const { name, inFeatures, outFeatures } of sites) {
    const a = new Uint16Array(users.length * inFeatures * rank);
    const b = new Uint16Array(users.length * rank * outFeatures);
    for (const [user, lora] of users.entries()) {
      if (lora === undefined) continue;
      const own = lora.rank;
      const from = before * own;
      const middle = from + inFeatures * own;
      placeColumns(lora.data.subarray(from, middle), own, a, user * inFeatures * rank, rank);
      b.set(lora.data.subarray(middle, middle + own * outFeatures), user * rank * outFeatures);
    }
    inputs[`${name}/lora_a`] = new Tensor('float16', a, [users.length, inFeatures, rank]);
    inputs[`${name}/lora_b`] = new Tensor('float16', b, [users.length, rank, outFeatures]);
    before += inFeatures + outFeatures;
  }
  return inputs;
}

/** Copies a matrix of `own` columns into one of `columns`, whose further columns stay as they are. */
function placeColumns(
  matrix: Uint16Array,
  own: number,
  out: Uint16Array,
  offset: number,
  columns: number,
): void {
  if (own === columns) {
    out.set(matrix, offset);
    return;
  }
  for (let at = 0, row = offset; at < matrix.length; row += columns)
    for (let column = 0; column < own; column += 1, at += 1) out[row + column] = matrix[at];
}
