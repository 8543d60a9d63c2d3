import { InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeFloat16 } from '../float16.js';

/**
 * Runs an encoder's file as its exporter wrote it, once.
 * @param output its output of hidden states
 * @param rows token ids, padded here to the longest; all of type 0
 * @returns rows × tokens × hidden, and whether the file computes in half precision
 */
export async function runWhole(
  path: string,
  output: string,
  rows: number[][],
): Promise<{ states: Float32Array; half: boolean }> {
  const tokens = Math.max(...rows.map(({ length }) => length));
  const inputs: Record<string, (row: number[], at: number) => number> = {
    input_ids: (row, at) => row[at] ?? 0,
    attention_mask: (row, at) => (at < row.length ? 1 : 0),
    token_type_ids: () => 0,
  };
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
  try {
    const feeds = session.inputNames.map((name) => {
      const values = rows.flatMap((row) =>
        Array.from({ length: tokens }, (_, at) => BigInt(inputs[name](row, at))),
      );
      return [name, new Tensor('int64', BigInt64Array.from(values), [rows.length, tokens])] as const;
    });
    const { data, type } = (await session.run(Object.fromEntries(feeds)))[output];
    const half = type === 'float16';
    return { states: half ? decodeFloat16(data as Uint16Array) : (data as Float32Array), half };
  } finally {
    await session.release();
  }
}
