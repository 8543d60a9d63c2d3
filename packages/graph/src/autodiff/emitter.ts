/** Appends nodes to a graph: fresh names, shared constants, and one node for one computation. */
import { GraphError } from '../error.js';
import type { Attribute, DataType, Graph, Node, Tensor } from '../ir.js';
import { toInt64 } from '../tensor.js';

export type Attributes = Record<string, Attribute>;

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: number[]): Attribute => ({ kind: 'ints', value });
export const text = (value: string): Attribute => ({ kind: 'string', value });

/**
 * Every emitted operator is pure, so a second request for the same operator on the same inputs returns the first
 * one's value: rules may ask for `Shape(x)` or `Transpose(W)` wherever they need it, and the graph holds it once.
 */
export interface Emitter {
  readonly graph: Graph;
  /** Later names start with this; it tells a reader of the graph which step emitted a node. */
  scope: string;
  op(op: string, inputs: string[], attributes?: Attributes): string;
  ops(op: string, inputs: string[], outputs: number, attributes?: Attributes): string[];
  /** The node that yields a value; undefined for inputs and constants. */
  producer(value: string): Node | undefined;
  /** A constant as initializer; equal constants share one. Values are given as numbers, int64 included. */
  constant(type: DataType, dims: number[], values: ArrayLike<number>): string;
  /** A one-dimensional int64 constant: axes, sizes, shapes. */
  int64s(values: number[]): string;
  /** A scalar of the given floating type. */
  scalar(type: DataType, value: number): string;
}

export function createEmitter(graph: Graph, scope = ''): Emitter {
  const taken = new Set<string>();
  const producers = new Map<string, Node>();
  for (const value of graph.inputs) taken.add(value.name);
  for (const name of graph.initializers.keys()) taken.add(name);
  for (const node of graph.nodes) {
    taken.add(node.name);
    for (const name of node.outputs) {
      taken.add(name);
      producers.set(name, node);
    }
  }
  const emitted = new Map<string, string[]>();
  let serial = 0;

  const fresh = (stem: string): string => {
    for (;;) {
      const name = `${stem}${serial++}`;
      if (!taken.has(name)) {
        taken.add(name);
        return name;
      }
    }
  };

  const emitter: Emitter = {
    graph,
    scope,
    op: (op, inputs, attributes = {}) => emitter.ops(op, inputs, 1, attributes)[0],
    ops(op, inputs, outputs, attributes = {}) {
      const key = JSON.stringify([op, inputs, outputs, attributes]);
      const known = emitted.get(key);
      if (known) return known;
      const stem = `${emitter.scope ? `${emitter.scope}/` : ''}${op}_`;
      const name = fresh(stem);
      const names = [name, ...Array.from({ length: outputs - 1 }, () => fresh(stem))];
      const node: Node = { op, name, inputs, outputs: names, attributes };
      graph.nodes.push(node);
      for (const name of names) producers.set(name, node);
      emitted.set(key, names);
      return names;
    },
    producer: (value) => producers.get(value),
    constant(type, dims, values) {
      const tensor: Tensor = { type, dims, data: encode(type, values) };
      const key = `${type} ${dims.join(',')} ${values.length <= 64 ? Array.from(values).join(',') : ''}`;
      const known = values.length <= 64 ? emitted.get(key) : undefined;
      if (known) return known[0];
      const name = fresh('c_');
      graph.initializers.set(name, tensor);
      emitted.set(key, [name]);
      return name;
    },
    int64s: (values) => emitter.constant('int64', [values.length], values),
    scalar: (type, value) => emitter.constant(type, [], [value]),
  };
  return emitter;
}

/** Little-endian bytes of numbers, in the types that emitted graphs use. */
export function encode(type: DataType, values: ArrayLike<number>): Uint8Array {
  switch (type) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'float64':
      return new Uint8Array(Float64Array.from(values).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(Array.from(values), toInt64).buffer);
    case 'int32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values);
    case 'int8':
      return new Uint8Array(Int8Array.from(values).buffer);
    default:
      throw new GraphError('no_gradient', `gradients are computed in float32 or float64, not in ${type}`);
  }
}
