import { elementCount } from '../tensor.js';

/** What a test feeds in and gets out; int64 as plain numbers, for small values. */
export interface TestTensor {
  type: 'float32' | 'int64' | 'bool' | 'int32';
  dims: readonly number[];
  data: readonly number[] | Float32Array;
}

/** The part of onnxruntime that tests use; passed in, since only test files may import it. */
export interface Runtime {
  InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<RuntimeSession>;
  };
  Tensor: new (
    // biome-ignore lint/suspicious/noExplicitAny: the real constructor has an overload for each type
    ...args: any[]
  ) => RuntimeTensor;
}

interface RuntimeTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
  readonly type: string;
}

interface RuntimeSession {
  run(feeds: Record<string, RuntimeTensor>): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
}

export type Answer = Record<string, { dims: number[]; data: Float64Array }>;

/**
 * Runs a model once on the CPU. Outputs come back as doubles whatever their type.
 * `optimise: false` runs the graph node by node as written.
 */
export async function runModel(
  runtime: Runtime,
  model: Uint8Array,
  feeds: Record<string, TestTensor>,
  { optimise = true }: { optimise?: boolean } = {},
): Promise<Answer> {
  const session = await runtime.InferenceSession.create(model, {
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const results = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toRuntime(runtime, feed)])),
    );
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { dims: [...dims], data: Float64Array.from(data as ArrayLike<number | bigint>, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}

function toRuntime(runtime: Runtime, { type, dims, data }: TestTensor): RuntimeTensor {
  if (data.length !== elementCount(dims)) throw new Error(`[${dims}] does not hold ${data.length} elements`);
  const values =
    type === 'int64'
      ? BigInt64Array.from(data, BigInt)
      : type === 'float32'
        ? Float32Array.from(data)
        : type === 'int32'
          ? Int32Array.from(data)
          : Uint8Array.from(data);
  return new runtime.Tensor(type, values, dims);
}

/** The largest absolute difference, element by element; infinite when the lengths differ or a value is not a number. */
export function maxError(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (actual.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let index = 0; index < wanted.length; index += 1) {
    const error = Math.abs(actual[index] - wanted[index]);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}
