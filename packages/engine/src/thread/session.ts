import { InferenceSession, Tensor } from 'onnxruntime-node';

/** The base as a function. The only file that knows the runtime. */
export interface BaseSession {
  provider: string;
  /**
   * Mean-pooled feature layers of a batch, rows × layers × hidden, each [hidden] of unit length.
   * @param rows token ids, padded here to the longest
   */
  run(rows: number[][]): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Every `size` values become a vector of unit length. Heads do better on directions alone, and the last layer's is then
 * the sentence embedding, as the all-MiniLM models define it.
 */
function toUnitLength(values: Float32Array, size: number): void {
  for (let at = 0; at < values.length; at += size) {
    let squares = 0;
    for (let j = at; j < at + size; j += 1) squares += values[j] * values[j];
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let j = at; j < at + size; j += 1) values[j] *= scale;
  }
}

/**
 * One session on the CPU, for one thread: threads run side by side, and two of one intra-op thread each get half as
 * much again done as one of two. Spinning would burn the other thread's core between runs.
 */
export async function openSession(modelPath: string): Promise<BaseSession> {
  const session = await InferenceSession.create(modelPath, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: { session: { 'intra_op.allow_spinning': '0', 'inter_op.allow_spinning': '0' } },
  });
  return {
    provider: 'cpu',
    async run(rows) {
      const length = Math.max(...rows.map((ids) => ids.length));
      const ids = new BigInt64Array(rows.length * length);
      const mask = new BigInt64Array(rows.length * length);
      for (const [i, row] of rows.entries())
        for (const [j, id] of row.entries()) {
          ids[i * length + j] = BigInt(id);
          mask[i * length + j] = 1n;
        }
      const dims = [rows.length, length];
      const { pooled } = await session.run({
        input_ids: new Tensor('int64', ids, dims),
        attention_mask: new Tensor('int64', mask, dims),
      });
      const features = pooled.data as Float32Array;
      toUnitLength(features, pooled.dims[2]);
      return features;
    },
    close: () => session.release(),
  };
}
