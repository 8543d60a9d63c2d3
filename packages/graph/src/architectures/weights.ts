import { GraphError } from '../error.js';
import { widenHalves } from '../half.js';
import type { Tensor } from '../ir.js';
import { elementCount, floatTensor } from '../tensor.js';

/** A weight as a safetensors file holds it; `dtype` is that format's name. */
export interface Weight {
  dtype: string;
  shape: readonly number[];
  /** Little-endian, row-major; may be a view. */
  data: Uint8Array;
}

/** Looks a weight up by its name in the file; undefined when the file has none. */
export type WeightSource = (name: string) => Weight | undefined;

/** The weights of one model as float32 initializers, each checked against the shape the configuration implies. */
export interface WeightReader {
  /** As stored. float32 is a view of the source's bytes where they are aligned; half precision is widened. */
  take(name: string, shape: number[]): Tensor;
  /** A Linear layer's `[out, in]` matrix as `[in, out]`, the right-hand side of MatMul. */
  linear(name: string, inSize: number, outSize: number): Tensor;
}

/**
 * Reads weights by name, with any of `prefixes` before it: the same encoder is saved as `encoder.…` alone and as
 * `bert.encoder.…` within a model with a head. Errors: `missing_weight`, `bad_weight`.
 */
export function createWeightReader(source: WeightSource, prefixes: readonly string[]): WeightReader {
  const find = (name: string): Weight => {
    for (const prefix of prefixes) {
      const weight = source(prefix + name);
      if (weight) return weight;
    }
    const tried = prefixes.map((prefix) => prefix + name).join(' or ');
    throw new GraphError('missing_weight', `the weights hold no ${tried}`);
  };
  const values = (name: string, shape: number[]): Float32Array => {
    const weight = find(name);
    if (weight.shape.length !== shape.length || weight.shape.some((dim, axis) => dim !== shape[axis])) {
      throw new GraphError(
        'bad_weight',
        `${name} is [${weight.shape}], the configuration asks for [${shape}]`,
      );
    }
    return widen(name, weight, elementCount(shape));
  };
  return {
    take: (name, shape) => floatTensor(values(name, shape), shape),
    linear: (name, inSize, outSize) =>
      floatTensor(transposed(values(name, [outSize, inSize]), outSize, inSize), [inSize, outSize]),
  };
}

const bytesPerDtype: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };

function widen(name: string, { dtype, data }: Weight, count: number): Float32Array {
  const size = bytesPerDtype[dtype];
  if (size === undefined) {
    throw new GraphError('bad_weight', `${name} is ${dtype}; weights must be F32, F16 or BF16`);
  }
  if (data.byteLength !== count * size) {
    throw new GraphError(
      'bad_weight',
      `${name} has ${data.byteLength} bytes, its shape asks for ${count * size}`,
    );
  }
  if (dtype !== 'F32') return widenHalves(dtype === 'BF16' ? 'bfloat16' : 'float16', data);
  // A Buffer's own slice() would only be another view.
  const bytes = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}

/** Rows and columns exchanged, tile by tile so that both sides stay in the processor's cache. */
function transposed(source: Float32Array, rows: number, columns: number): Float32Array {
  const tile = 32;
  const out = new Float32Array(source.length);
  for (let row0 = 0; row0 < rows; row0 += tile) {
    const rowEnd = Math.min(row0 + tile, rows);
    for (let column0 = 0; column0 < columns; column0 += tile) {
      const columnEnd = Math.min(column0 + tile, columns);
      for (let row = row0; row < rowEnd; row += 1) {
        for (let column = column0; column < columnEnd; column += 1) {
          out[column * rows + row] = source[row * columns + column];
        }
      }
    }
  }
  return out;
}
