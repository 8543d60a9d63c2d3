import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { TrainingRow } from './protocol.js';

/** A product of the hidden states at the cut with frozen weights: an input of the training step. */
export interface Projection {
  name: string;
  width: number;
}

/**
 * What the frozen weights of the lowest trained layer, of queries, keys and values, make of a row's hidden states. No
 * parameter changes that, so whoever trains on a row again and again keeps it: it is a fifteenth of a step's work.
 */
export interface Projections {
  /**
   * Of each row: one projection after another, tokens × width. A row's own, whatever rows it is asked for with.
   * @param shared in shared memory, for keeping
   */
  of(rows: readonly TrainingRow[], shared: boolean): Promise<Float32Array[]>;
  /** As inputs of a step on these rows, each of which has its own; padded with zeros. */
  inputs(rows: readonly TrainingRow[], own: readonly Float32Array[], tokens: number): Record<string, Tensor>;
  close(): Promise<void>;
}

/** @param session from `hidden` to all of `projections`; undefined where there are none */
export function createProjections(
  session: InferenceSession | undefined,
  projections: readonly Projection[],
  hiddenSize: number,
): Projections {
  const perToken = projections.reduce((sum, { width }) => sum + width, 0);
  return {
    async of(rows, shared) {
      if (!session) return rows.map(() => new Float32Array(0));
      const tokens = rows.reduce((most, row) => Math.max(most, row.tokens), 0);
      const hidden = new Float32Array(rows.length * tokens * hiddenSize);
      for (const [i, row] of rows.entries()) hidden.set(row.hidden, i * tokens * hiddenSize);
      const given = { hidden: new Tensor('float32', hidden, [rows.length, tokens, hiddenSize]) };
      const answers = await session.run(given);
      return rows.map((row, i) => {
        const size = row.tokens * perToken;
        const own = new Float32Array(shared ? new SharedArrayBuffer(4 * size) : new ArrayBuffer(4 * size));
        let at = 0;
        for (const { name, width } of projections) {
          const from = i * tokens * width;
          own.set((answers[name].data as Float32Array).subarray(from, from + row.tokens * width), at);
          at += row.tokens * width;
        }
        return own;
      });
    },
    inputs(rows, own, tokens) {
      const inputs: Record<string, Tensor> = {};
      let before = 0;
      for (const { name, width } of projections) {
        const values = new Float32Array(rows.length * tokens * width);
        for (const [i, row] of rows.entries()) {
          const from = row.tokens * before;
          values.set(own[i].subarray(from, from + row.tokens * width), i * tokens * width);
        }
        inputs[name] = new Tensor('float32', values, [rows.length, tokens, width]);
        before += width;
      }
      return inputs;
    },
    async close() {
      await session?.release();
    },
  };
}
