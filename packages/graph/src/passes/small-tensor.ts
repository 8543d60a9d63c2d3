import type { DataType, Tensor } from '../ir.js';
import { bytesPerElement, elementCount, numbersOf } from '../tensor.js';

/** Arithmetic on dense tensors for folding constants: plain loops, exact or not at all. */

/** Elements that arithmetic is folded on; larger constants are weights, which the runtime folds once when it loads them. */
export const MAX_ELEMENTS = 1 << 20;

/** Whether a result of so many elements is no more than was there: weights may be moved, but not multiplied. */
export function isModest(count: number, from: Tensor[]): boolean {
  const apart = new Map(from.map(({ data, dims }) => [data, elementCount(dims)]));
  return (
    count <=
    Math.max(
      MAX_ELEMENTS,
      [...apart.values()].reduce((sum, size) => sum + size, 0),
    )
  );
}

/** Elements between two neighbours along each axis, row-major. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
    strides[axis] = stride;
    stride *= dims[axis];
  }
  return strides;
}

/** Numpy's broadcast of shapes; undefined when they do not fit. */
export function broadcastDims(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const dims = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (const [index, dim] of shape.entries()) {
      const axis = rank - shape.length + index;
      if (dim !== 1 && dims[axis] !== 1 && dims[axis] !== dim) return undefined;
      if (dims[axis] === 1) dims[axis] = dim;
    }
  }
  return dims;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
};

/** A tensor's elements as doubles; undefined where one has no exact double: 64-bit integers beyond 2^53. */
export function exactNumbers(x: Tensor): number[] | undefined {
  const values = numbersOf(x);
  const isWide = x.type === 'int64' || x.type === 'uint64';
  return isWide && !values.every(Number.isSafeInteger) ? undefined : values;
}

/**
 * A tensor of these values, floats rounded to the type. Undefined for integers that the type, or a double, does not hold, and for a
 * type without exact arithmetic here: half precision, and unsigned 64-bit integers.
 */
export function fromNumbers(type: DataType, dims: number[], values: number[]): Tensor | undefined {
  let array: ArrayBufferView;
  if (type === 'int64') {
    if (!values.every(Number.isSafeInteger)) return undefined;
    array = BigInt64Array.from(values, BigInt);
  } else if (type === 'uint64' || type === 'float16' || type === 'bfloat16') {
    return undefined;
  } else if (type === 'bool') {
    array = Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
  } else {
    const own = arrays[type].from(values);
    if (!type.includes('float') && values.some((value, index) => value !== own[index])) return undefined;
    array = own;
  }
  return { type, dims, data: new Uint8Array(array.buffer, array.byteOffset, array.byteLength) };
}

/** Copies elements, whatever their type, from where `indexOf` says. */
function rearranged(x: Tensor, dims: number[], indexOf: (index: number) => number): Tensor {
  const size = bytesPerElement[x.type];
  const count = elementCount(dims);
  const data = new Uint8Array(count * size);
  if (size === 4 && x.data.byteOffset % 4 === 0) {
    // Weights are transposed this way: a word at a time.
    const from = new Uint32Array(x.data.buffer, x.data.byteOffset, x.data.byteLength / 4);
    const to = new Uint32Array(data.buffer);
    for (let index = 0; index < count; index += 1) to[index] = from[indexOf(index)];
  } else {
    for (let index = 0; index < count; index += 1) {
      const at = indexOf(index) * size;
      data.set(x.data.subarray(at, at + size), index * size);
    }
  }
  return { type: x.type, dims, data };
}

export function transpose(x: Tensor, perm?: number[]): Tensor | undefined {
  const order = perm ?? x.dims.map((_, axis) => x.dims.length - 1 - axis);
  // Each axis once: anything else is no permutation.
  if (new Set(order).size !== x.dims.length || order.some((axis) => x.dims[axis] === undefined))
    return undefined;
  if (order.length !== x.dims.length) return undefined;
  const dims = order.map((axis) => x.dims[axis]);
  const from = stridesOf(x.dims);
  const strides = order.map((axis) => from[axis]);
  return walk(x, dims, strides, 0);
}

/** The elements at offset + Σ index·stride: slices and transpositions. */
function walk(x: Tensor, dims: number[], strides: number[], offset: number): Tensor {
  const counter = new Array<number>(dims.length).fill(0);
  let at = offset;
  let started = false;
  return rearranged(x, dims, () => {
    if (!started) {
      started = true;
      return at;
    }
    for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
      counter[axis] += 1;
      at += strides[axis];
      if (counter[axis] < dims[axis]) break;
      at -= strides[axis] * dims[axis];
      counter[axis] = 0;
    }
    return at;
  });
}

export function gather(x: Tensor, indices: Tensor, axisGiven: number): Tensor | undefined {
  const axis = axisGiven < 0 ? axisGiven + x.dims.length : axisGiven;
  const size = x.dims[axis];
  const places = numbersOf(indices).map((index) => (index < 0 ? index + size : index));
  if (size === undefined || places.some((place) => !(place >= 0 && place < size))) return undefined;
  // No more than there was: a few indices into a table, not a table per index.
  if (places.length > Math.max(size, 1 << 10)) return undefined;
  const inner = elementCount(x.dims.slice(axis + 1));
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  if (!isModest(elementCount(dims), [x])) return undefined;
  return rearranged(x, dims, (index) => {
    const row = Math.floor(index / (places.length * inner));
    const place = places[Math.floor(index / inner) % places.length];
    return (row * size + place) * inner + (index % inner);
  });
}

/** Slice as onnx, docs/Operators.md has it: negative places count from the end, ends are clamped, steps may be negative. */
export function slice(
  x: Tensor,
  starts: Tensor,
  ends: Tensor,
  axes?: Tensor,
  steps?: Tensor,
): Tensor | undefined {
  const from = numbersOf(starts);
  const to = numbersOf(ends);
  const along = axes ? numbersOf(axes) : from.map((_, index) => index);
  const by = steps ? numbersOf(steps) : from.map(() => 1);
  if ([to, along, by].some(({ length }) => length !== from.length)) return undefined;
  const dims = [...x.dims];
  const strides = stridesOf(x.dims);
  let offset = 0;
  for (const [index, given] of along.entries()) {
    const axis = given < 0 ? given + dims.length : given;
    const size = x.dims[axis];
    const step = by[index];
    if (size === undefined || !step) return undefined;
    const clamp = (place: number, low: number, high: number) =>
      Math.min(Math.max(place < 0 ? place + size : place, low), high);
    const first = step > 0 ? clamp(from[index], 0, size) : clamp(from[index], 0, size - 1);
    const end = step > 0 ? clamp(to[index], 0, size) : clamp(to[index], -1, size - 1);
    dims[axis] = Math.max(0, Math.ceil((end - first) / step));
    offset += first * strides[axis];
    strides[axis] *= step;
  }
  return walk(x, dims, strides, offset);
}
