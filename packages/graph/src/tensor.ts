import { GraphError } from './error.js';
import type { DataType, Tensor } from './ir.js';

/** Bytes an element takes, by type. */
export const bytesPerElement: Record<DataType, number> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

/** How many elements a tensor of these dimensions holds; a scalar (no dimensions) holds one. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** The elements' bytes as they lie in memory: this code writes files only on little-endian machines, which all of Node's are. */
function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A constant of float32; `values` is not copied when it is a Float32Array. Without `dims`, a vector. */
export function floatTensor(values: ArrayLike<number>, dims: number[] = [values.length]): Tensor {
  const array = values instanceof Float32Array ? values : Float32Array.from(values);
  return checkedTensor('float32', dims, bytesOf(array));
}

/** A constant of int64. Without `dims`, a vector. */
export function int64Tensor(values: readonly (number | bigint)[], dims: number[] = [values.length]): Tensor {
  return checkedTensor('int64', dims, bytesOf(BigInt64Array.from(values, toInt64)));
}

/** A rank-0 float32. */
export function floatScalar(value: number): Tensor {
  return floatTensor([value], []);
}

/** A rank-0 int64. */
export function int64Scalar(value: number | bigint): Tensor {
  return int64Tensor([value], []);
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** "To the end" is written as INT64_MAX by exporters and becomes 2^63 as a number: saturate instead of wrapping to the minimum. */
export function toInt64(value: number | bigint): bigint {
  const exact = BigInt(value);
  return exact > INT64_MAX ? INT64_MAX : exact < INT64_MIN ? INT64_MIN : exact;
}

/** A tensor whose bytes are as many as its dimensions ask for; `data` is kept, not copied. */
export function checkedTensor(type: DataType, dims: number[], data: Uint8Array): Tensor {
  const wanted = elementCount(dims) * bytesPerElement[type];
  if (data.byteLength !== wanted) {
    throw new GraphError(
      'bad_tensor',
      `a ${type} tensor of [${dims}] takes ${wanted} bytes, ${data.byteLength} were given`,
    );
  }
  return { type, dims, data };
}

/** Views the data where alignment allows, else copies: a typed array must start at a multiple of its element size. */
function aligned(tensor: Tensor): { buffer: ArrayBufferLike; offset: number; count: number } {
  const size = bytesPerElement[tensor.type];
  // A Buffer's own slice() would only be another view.
  const data = tensor.data.byteOffset % size === 0 ? tensor.data : new Uint8Array(tensor.data);
  return { buffer: data.buffer, offset: data.byteOffset, count: data.byteLength / size };
}

/** A float32 tensor's elements; a view where possible, so never write to it. */
export function floatsOf(tensor: Tensor): Float32Array {
  if (tensor.type !== 'float32') throw new GraphError('bad_tensor', `expected float32, got ${tensor.type}`);
  const { buffer, offset, count } = aligned(tensor);
  return new Float32Array(buffer, offset, count);
}

/** An int64 (or int32) tensor's elements as numbers. Meant for shapes, axes and indices, which fit a double exactly. */
export function integersOf(tensor: Tensor): number[] {
  const { buffer, offset, count } = aligned(tensor);
  if (tensor.type === 'int64') return Array.from(new BigInt64Array(buffer, offset, count), Number);
  if (tensor.type === 'int32') return Array.from(new Int32Array(buffer, offset, count));
  throw new GraphError('bad_tensor', `expected int64 or int32, got ${tensor.type}`);
}

/** Any numeric tensor's elements as doubles: for folding constants, which are small. */
export function numbersOf(tensor: Tensor): number[] {
  const { buffer, offset, count } = aligned(tensor);
  switch (tensor.type) {
    case 'float32':
      return Array.from(new Float32Array(buffer, offset, count));
    case 'float64':
      return Array.from(new Float64Array(buffer, offset, count));
    case 'int64':
      return Array.from(new BigInt64Array(buffer, offset, count), Number);
    case 'uint64':
      return Array.from(new BigUint64Array(buffer, offset, count), Number);
    case 'int32':
      return Array.from(new Int32Array(buffer, offset, count));
    case 'uint32':
      return Array.from(new Uint32Array(buffer, offset, count));
    case 'int16':
      return Array.from(new Int16Array(buffer, offset, count));
    case 'uint16':
      return Array.from(new Uint16Array(buffer, offset, count));
    case 'int8':
      return Array.from(new Int8Array(buffer, offset, count));
    case 'uint8':
    case 'bool':
      return Array.from(new Uint8Array(buffer, offset, count));
    case 'float16':
      return Array.from(new Uint16Array(buffer, offset, count), float16ToNumber);
    case 'bfloat16': {
      const bits = Uint32Array.from(new Uint16Array(buffer, offset, count), (half) => half << 16);
      return Array.from(new Float32Array(bits.buffer));
    }
  }
}

/** IEEE 754 binary16, from its 16 bits. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
