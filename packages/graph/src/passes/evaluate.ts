import { castCodes } from '../builder.js';
import type { DataType, Node, Tensor } from '../ir.js';
import { bytesPerElement, elementCount, numbersOf } from '../tensor.js';
import { intOf, intsOf } from './graph-edit.js';
import {
  broadcastDims,
  exactNumbers,
  fromNumbers,
  gather,
  isModest,
  MAX_ELEMENTS,
  slice,
  stridesOf,
  transpose,
} from './small-tensor.js';

/** Computes one operator on constants; undefined where it would rather not. */
type Evaluate = (inputs: (Tensor | undefined)[], node: Node) => Tensor | undefined;

const typesByCode = new Map(Object.entries(castCodes).map(([type, code]) => [code, type as DataType]));

/** The shape that arithmetic on these tensors results in; undefined where it does not fit or is too much. */
function commonDims(tensors: Tensor[]): number[] | undefined {
  const dims = broadcastDims(tensors.map((tensor) => tensor.dims));
  return dims && elementCount(dims) <= MAX_ELEMENTS ? dims : undefined;
}

/** Applies a function to each pair of elements, with numpy broadcasting; the result is of `type` or the inputs'. */
function pairwise(compute: (a: number, b: number) => number, type?: DataType): Evaluate {
  return ([a, b]) => {
    if (!a || !b || a.type !== b.type) return undefined;
    const dims = commonDims([a, b]);
    if (!dims) return undefined;
    const [left, right] = [expanded(a, dims), expanded(b, dims)];
    if (!left || !right) return undefined;
    return fromNumbers(
      type ?? a.type,
      dims,
      left.map((value, index) => compute(value, right[index])),
    );
  };
}

function each(compute: (x: number) => number, type?: DataType): Evaluate {
  return ([x]) => {
    const values = x && commonDims([x]) && exactNumbers(x);
    return values && fromNumbers(type ?? x.type, x.dims, values.map(compute));
  };
}

/** A tensor's elements, repeated to fill `dims`; undefined where one has no exact double. */
function expanded(x: Tensor, dims: number[]): number[] | undefined {
  const values = exactNumbers(x);
  if (!values) return undefined;
  const lead = dims.length - x.dims.length;
  const strides = stridesOf(x.dims).map((stride, axis) => (x.dims[axis] === 1 ? 0 : stride));
  const out: number[] = [];
  const count = elementCount(dims);
  const steps = stridesOf(dims);
  for (let index = 0; index < count; index += 1) {
    let at = 0;
    for (let axis = lead; axis < dims.length; axis += 1) {
      at += (Math.floor(index / steps[axis]) % dims[axis]) * strides[axis - lead];
    }
    out.push(values[at]);
  }
  return out;
}

const isInteger = (type: DataType) => !type.includes('float');

/** C's division for integers, IEEE's for the rest. */
const divide: Evaluate = (inputs, node) => {
  const [a, b] = inputs;
  if (!a || !b) return undefined;
  if (!isInteger(a.type)) return pairwise((x, y) => x / y)(inputs, node);
  return numbersOf(b).includes(0) ? undefined : pairwise((x, y) => Math.trunc(x / y))(inputs, node);
};

const reshape: Evaluate = ([x, shape], node) => {
  if (!x || !shape) return undefined;
  const wanted = numbersOf(shape);
  const keepsZero = intOf(node, 'allowzero', 0) === 1;
  const dims = wanted.map((dim, axis) => (dim === 0 && !keepsZero ? x.dims[axis] : dim));
  const open = dims.indexOf(-1);
  const rest = elementCount(dims.filter((dim) => dim !== -1));
  if (open >= 0) dims[open] = rest === 0 ? 0 : elementCount(x.dims) / rest;
  return reinterpreted(x, dims);
};

const isShape = (dims: number[]) => dims.every((dim) => Number.isInteger(dim) && dim >= 0);

/** The same bytes under other dimensions. */
function reinterpreted(x: Tensor, dims: number[]): Tensor | undefined {
  return isShape(dims) && elementCount(dims) === elementCount(x.dims) ? { ...x, dims } : undefined;
}

const unsqueeze: Evaluate = ([x, axes]) => {
  if (!x || !axes) return undefined;
  const added = numbersOf(axes);
  const rank = x.dims.length + added.length;
  const places = new Set(added.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...x.dims];
  return reinterpreted(
    x,
    Array.from({ length: rank }, (_, axis) => (places.has(axis) ? 1 : (rest.shift() ?? -1))),
  );
};

const squeeze: Evaluate = ([x, axes]) => {
  if (!x) return undefined;
  const rank = x.dims.length;
  const places = axes && new Set(numbersOf(axes).map((axis) => (axis < 0 ? axis + rank : axis)));
  return reinterpreted(
    x,
    x.dims.filter((dim, axis) => (places ? !places.has(axis) : dim !== 1)),
  );
};

const concat: Evaluate = (inputs, node) => {
  const tensors = inputs.filter((tensor) => tensor !== undefined);
  const [first] = tensors;
  if (!first || tensors.length !== inputs.length || first.dims.length === 0) return undefined;
  if (tensors.some(({ type, dims }) => type !== first.type || dims.length !== first.dims.length))
    return undefined;
  const count = tensors.reduce((sum, tensor) => sum + elementCount(tensor.dims), 0);
  if (!isModest(count, tensors)) return undefined;
  const axis = (intOf(node, 'axis', 0) + first.dims.length) % first.dims.length;
  const outer = elementCount(first.dims.slice(0, axis));
  const pieces: Uint8Array[] = [];
  for (let row = 0; row < outer; row += 1) {
    for (const { data } of tensors) {
      const size = data.byteLength / outer;
      pieces.push(data.subarray(row * size, (row + 1) * size));
    }
  }
  const dims = [...first.dims];
  dims[axis] = tensors.reduce((sum, tensor) => sum + tensor.dims[axis], 0);
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes.byteLength === elementCount(dims) * bytesPerElement[first.type]
    ? { type: first.type, dims, data: bytes }
    : undefined;
};

const range: Evaluate = ([start, limit, delta]) => {
  if (!start || !limit || !delta) return undefined;
  const [from, to, step] = [start, limit, delta].map((tensor) => numbersOf(tensor)[0]);
  const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= MAX_CREATED)) return undefined;
  const values = Array.from({ length: count }, (_, index) => from + index * step);
  // Runtimes add the step again and again, or multiply it: of floats, only those for which both are exact.
  const isExact = (value: number) => isInteger(start.type) || Math.fround(value) === value;
  return [to - from, ...values].every(isExact) ? fromNumbers(start.type, [count], values) : undefined;
};

/** Elements that an operator may make out of a shape alone: shapes and masks are small, anything else is left to run time. */
const MAX_CREATED = 1 << 16;

const filled: Evaluate = ([shape], node) => {
  if (!shape) return undefined;
  const dims = numbersOf(shape);
  const count = elementCount(dims);
  if (!isShape(dims) || !(count <= MAX_CREATED)) return undefined;
  const { value } = node.attributes;
  const [fill] = value?.kind === 'tensor' ? (exactNumbers(value.value) ?? []) : [0];
  if (fill === undefined) return undefined;
  const type = value?.kind === 'tensor' ? value.value.type : 'float32';
  return fromNumbers(type, dims, new Array(count).fill(fill));
};

const expand: Evaluate = ([x, shape]) => {
  if (!x || !shape) return undefined;
  const dims = broadcastDims([x.dims, numbersOf(shape)]);
  const values = dims && isShape(dims) && elementCount(dims) <= MAX_CREATED && expanded(x, dims);
  return values ? fromNumbers(x.type, dims, values) : undefined;
};

const where: Evaluate = ([condition, a, b]) => {
  if (!condition || !a || !b || a.type !== b.type) return undefined;
  const dims = commonDims([condition, a, b]);
  if (!dims) return undefined;
  const [chosen, yes, no] = [condition, a, b].map((tensor) => expanded(tensor, dims));
  if (!chosen || !yes || !no) return undefined;
  return fromNumbers(
    a.type,
    dims,
    chosen.map((value, index) => (value ? yes[index] : no[index])),
  );
};

const cast: Evaluate = ([x], node) => {
  const type = typesByCode.get(intOf(node, 'to', 0));
  if (!x || !type) return undefined;
  if (type === x.type) return x;
  if (!commonDims([x])) return undefined;
  const values = exactNumbers(x);
  return (
    values && fromNumbers(type, x.dims, isInteger(type) && type !== 'bool' ? values.map(Math.trunc) : values)
  );
};

const shapeOf: Evaluate = ([x], node) => {
  if (!x) return undefined;
  const dims = x.dims.slice(intOf(node, 'start', 0), intOf(node, 'end', x.dims.length));
  return fromNumbers('int64', [dims.length], dims);
};

const product: Evaluate = ([x, axes], node) => {
  // Sizes computed from a shape: over the whole vector only.
  if (x?.dims.length !== 1 || !isInteger(x.type) || !commonDims([x])) return undefined;
  const along = axes ? numbersOf(axes) : [];
  if (along.some((axis) => axis !== 0 && axis !== -1)) return undefined;
  if (along.length === 0 && intOf(node, 'noop_with_empty_axes', 0) === 1) return undefined;
  const value = exactNumbers(x)?.reduce((a, b) => a * b, 1);
  if (value === undefined) return undefined;
  return fromNumbers(x.type, intOf(node, 'keepdims', 1) === 1 ? [1] : [], [value]);
};

const bool = (condition: boolean) => (condition ? 1 : 0);

/** The operators of shape arithmetic and of constants that exporters leave in: all that exact folding needs. */
const evaluators: Record<string, Evaluate> = {
  Identity: ([x]) => x,
  Shape: shapeOf,
  Size: ([x]) => x && fromNumbers('int64', [], [elementCount(x.dims)]),
  Reshape: reshape,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Flatten: ([x], node) => {
    if (!x) return undefined;
    const axis = intOf(node, 'axis', 1);
    const lead = elementCount(x.dims.slice(0, axis < 0 ? axis + x.dims.length : axis));
    return reinterpreted(x, [lead, lead === 0 ? 0 : elementCount(x.dims) / lead]);
  },
  Transpose: ([x], node) => x && transpose(x, intsOf(node, 'perm')),
  Gather: ([x, indices], node) => x && indices && gather(x, indices, intOf(node, 'axis', 0)),
  Slice: ([x, starts, ends, axes, steps]) => x && starts && ends && slice(x, starts, ends, axes, steps),
  Concat: concat,
  Range: range,
  ConstantOfShape: filled,
  Expand: expand,
  Where: where,
  Cast: cast,
  ReduceProd: product,
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Div: divide,
  Equal: pairwise((a, b) => bool(a === b), 'bool'),
  Less: pairwise((a, b) => bool(a < b), 'bool'),
  LessOrEqual: pairwise((a, b) => bool(a <= b), 'bool'),
  Greater: pairwise((a, b) => bool(a > b), 'bool'),
  GreaterOrEqual: pairwise((a, b) => bool(a >= b), 'bool'),
  And: pairwise((a, b) => bool(a !== 0 && b !== 0), 'bool'),
  Or: pairwise((a, b) => bool(a !== 0 || b !== 0), 'bool'),
  Not: each((x) => bool(x === 0), 'bool'),
  Neg: each((x) => -x),
  Abs: each(Math.abs),
  Sqrt: each(Math.sqrt),
  Reciprocal: each((x) => 1 / x),
  Floor: each(Math.floor),
  Ceil: each(Math.ceil),
};

/** Whether `evaluate` knows the operator; the others are left alone without a look at their inputs. */
export function canEvaluate(node: Node): boolean {
  return !node.domain && Object.hasOwn(evaluators, node.op) && node.outputs.length === 1;
}

/**
 * The result of a node whose inputs are all constants. Undefined where the operator, a type or a shape is not one that
 * folding handles exactly: the node then stays and the runtime decides.
 */
export function evaluate(node: Node, inputs: (Tensor | undefined)[]): Tensor | undefined {
  if (!canEvaluate(node)) return undefined;
  return evaluators[node.op](inputs, node);
}
