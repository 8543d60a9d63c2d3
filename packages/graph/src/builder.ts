import { GraphError } from './error.js';
import { type Attribute, type DataType, type Dim, type Model, type Node, OPSET, type Tensor } from './ir.js';
import { floatScalar, int64Tensor } from './tensor.js';

/** A value's name. Builders hand these out; they are plain strings, so graphs stay plain data. */
export type Value = string;

export interface NodeOptions {
  /** Joined to the scope, made unique. Default: the operator in lower case. The first output has the node's name. */
  name?: string;
  attributes?: Record<string, Attribute>;
  /** How many outputs; default 1. */
  outputs?: number;
  /** Another operator set, e.g. `com.microsoft`. */
  domain?: string;
}

/**
 * Writes a graph by hand, one call a node, in topological order by construction. Every typed function returns
 * the name of the value it produces and takes, last, an optional name for its node.
 */
export interface Builder {
  /** The same graph, with `name.` before every name given to it. */
  at(name: string): Builder;
  input(name: string, type: DataType, shape?: Dim[]): Value;
  /** Declares `value` an output of the graph; with `as`, under that name (an Identity renames it). */
  output(value: Value, type: DataType, shape?: Dim[], as?: string): void;
  /** Adds an initializer; its bytes are kept, not copied. */
  initializer(name: string, tensor: Tensor): Value;
  /** An initializer shared by every later call with the same name: for small constants, outside any scope. */
  shared(name: string, tensor: () => Tensor): Value;
  node(op: string, inputs: Value[], options: NodeOptions & { outputs: number }): Value[];
  node(op: string, inputs: Value[], options?: NodeOptions): Value;

  add(a: Value, b: Value, name?: string): Value;
  sub(a: Value, b: Value, name?: string): Value;
  mul(a: Value, b: Value, name?: string): Value;
  div(a: Value, b: Value, name?: string): Value;
  /** Multiplies by a constant. */
  scale(x: Value, factor: number, name?: string): Value;
  max(a: Value, b: Value, name?: string): Value;
  matmul(a: Value, b: Value, name?: string): Value;
  /** `dims` as Reshape has them: 0 copies the input's dimension, −1 is what remains. */
  reshape(x: Value, dims: number[], name?: string): Value;
  transpose(x: Value, perm: number[], name?: string): Value;
  unsqueeze(x: Value, axes: number[], name?: string): Value;
  concat(values: Value[], axis: number, name?: string): Value;
  gather(data: Value, indices: Value, axis: number, name?: string): Value;
  slice(x: Value, starts: Value, ends: Value, axes: number[], name?: string): Value;
  /** The dimensions [start, end) of x, as an int64 vector. */
  shape(x: Value, start: number, end: number, name?: string): Value;
  cast(x: Value, to: DataType, name?: string): Value;
  softmax(x: Value, axis: number, name?: string): Value;
  /** Over the last axis. */
  layerNorm(x: Value, gain: Value, bias: Value, epsilon: number, name?: string): Value;
  /** Exact (erf) unless told the tanh approximation. */
  gelu(x: Value, approximate: 'none' | 'tanh', name?: string): Value;
  relu(x: Value, name?: string): Value;
  tanh(x: Value, name?: string): Value;
  reduceSum(x: Value, axes: number[], keepDims: boolean, name?: string): Value;

  /** The finished graph. */
  build(options?: { producer?: string; metadata?: Record<string, string> }): Model;
}

/** TensorProto.DataType numbers that Cast's `to` takes (onnx-ml.proto, enum DataType). */
export const castCodes: Record<DataType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (value: number[]): Attribute => ({ kind: 'ints', value });
const float = (value: number): Attribute => ({ kind: 'float', value });

/** Starts an empty graph. */
export function createBuilder({ name }: { name: string }): Builder {
  const model: Model = {
    graph: { name, nodes: [], inputs: [], outputs: [], initializers: new Map() },
    opset: OPSET,
    producer: 'scion',
    metadata: {},
  };
  return scopedBuilder(model, createNames(), '');
}

interface Names {
  /** The wanted name, or that with the next free number. */
  unique(wanted: string): string;
  /** The wanted name; names that a caller refers to later (inputs, weights) are taken as given or not at all. */
  exact(wanted: string): string;
}

function createNames(): Names {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return {
    unique(wanted) {
      let name = wanted;
      for (let count = counts.get(wanted) ?? 1; taken.has(name); name = `${wanted}_${count}`) {
        count += 1;
        counts.set(wanted, count);
      }
      taken.add(name);
      return name;
    },
    exact(wanted) {
      if (taken.has(wanted)) {
        throw new GraphError('duplicate_name', `the graph already has a value named ${wanted}`);
      }
      taken.add(wanted);
      return wanted;
    },
  };
}

function scopedBuilder(model: Model, names: Names, prefix: string): Builder {
  const { graph } = model;

  function node(op: string, inputs: Value[], options: NodeOptions & { outputs: number }): Value[];
  function node(op: string, inputs: Value[], options?: NodeOptions): Value;
  function node(op: string, inputs: Value[], options: NodeOptions = {}): Value | Value[] {
    const nodeName = names.unique(prefix + (options.name ?? op.toLowerCase()));
    const outputs = [nodeName];
    for (let index = 1; index < (options.outputs ?? 1); index += 1)
      outputs.push(names.exact(`${nodeName}.${index}`));
    const entry: Node = { op, name: nodeName, inputs, outputs, attributes: options.attributes ?? {} };
    if (options.domain) entry.domain = options.domain;
    graph.nodes.push(entry);
    return options.outputs === undefined ? nodeName : outputs;
  }

  const shared = (wanted: string, tensor: () => Tensor): Value => {
    if (!graph.initializers.has(wanted)) graph.initializers.set(names.exact(wanted), tensor());
    return wanted;
  };
  const integers = (values: number[]) =>
    shared(`constant.ints.${values.join('_')}`, () => int64Tensor(values));
  const binary = (op: string) => (a: Value, b: Value, name?: string) => node(op, [a, b], named(name));
  const unary = (op: string) => (x: Value, name?: string) => node(op, [x], named(name));

  return {
    at: (scope) => scopedBuilder(model, names, `${prefix}${scope}.`),
    input(inputName, type, shape) {
      graph.inputs.push({ name: names.exact(prefix + inputName), type, ...(shape ? { shape } : {}) });
      return prefix + inputName;
    },
    output(value, type, shape, as) {
      if (as !== undefined && as !== value) {
        names.exact(as);
        graph.nodes.push({ op: 'Identity', name: as, inputs: [value], outputs: [as], attributes: {} });
      }
      graph.outputs.push({ name: as ?? value, type, ...(shape ? { shape } : {}) });
    },
    initializer(weight, tensor) {
      graph.initializers.set(names.exact(prefix + weight), tensor);
      return prefix + weight;
    },
    shared,
    node,

    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    max: binary('Max'),
    matmul: binary('MatMul'),
    relu: unary('Relu'),
    tanh: unary('Tanh'),
    scale: (x, factor, name) =>
      node('Mul', [x, shared(`constant.float.${factor}`, () => floatScalar(factor))], named(name)),
    reshape: (x, dims, name) => node('Reshape', [x, integers(dims)], named(name)),
    transpose: (x, perm, name) =>
      node('Transpose', [x], { ...named(name), attributes: { perm: ints(perm) } }),
    unsqueeze: (x, axes, name) => node('Unsqueeze', [x, integers(axes)], named(name)),
    concat: (values, axis, name) =>
      node('Concat', values, { ...named(name), attributes: { axis: int(axis) } }),
    gather: (data, indices, axis, name) =>
      node('Gather', [data, indices], { ...named(name), attributes: { axis: int(axis) } }),
    slice: (x, starts, ends, axes, name) => node('Slice', [x, starts, ends, integers(axes)], named(name)),
    shape: (x, start, end, name) =>
      node('Shape', [x], { ...named(name), attributes: { start: int(start), end: int(end) } }),
    cast: (x, to, name) => node('Cast', [x], { ...named(name), attributes: { to: int(castCodes[to]) } }),
    softmax: (x, axis, name) => node('Softmax', [x], { ...named(name), attributes: { axis: int(axis) } }),
    layerNorm: (x, gain, bias, epsilon, name) =>
      node('LayerNormalization', [x, gain, bias], {
        ...named(name),
        attributes: { axis: int(-1), epsilon: float(epsilon) },
      }),
    gelu: (x, approximate, name) =>
      node('Gelu', [x], {
        ...named(name),
        attributes: { approximate: { kind: 'string', value: approximate } },
      }),
    reduceSum: (x, axes, keepDims, name) =>
      node('ReduceSum', [x, integers(axes)], {
        ...named(name),
        attributes: { keepdims: int(keepDims ? 1 : 0) },
      }),

    build({ producer, metadata } = {}) {
      return { ...model, producer: producer ?? model.producer, metadata: { ...model.metadata, ...metadata } };
    },
  };
}

function named(name: string | undefined): NodeOptions {
  return name === undefined ? {} : { name };
}
