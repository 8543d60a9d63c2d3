/**
 * The graph in memory: plain data that mirrors onnx.proto's ModelProto, less what Scion never uses.
 * One opset inside: every model is brought to `OPSET` when it is read.
 */

/** The opset of every graph inside Scion. */
export const OPSET = 20;

/** TensorProto.DataType by name. */
export type DataType =
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float64'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

/** A dimension: known, or symbolic by name. */
export type Dim = number | string;

/** A constant. `data` is little-endian and dense, row-major; it may be a view into a larger buffer, never copied. */
export interface Tensor {
  type: DataType;
  dims: number[];
  data: Uint8Array;
}

export interface ValueInfo {
  name: string;
  type: DataType;
  /** Absent where the rank is unknown. */
  shape?: Dim[];
}

/** AttributeProto: its type is carried by the tag, since 1 and 1.0 are different attributes. */
export type Attribute =
  | { kind: 'int'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'ints'; value: number[] }
  | { kind: 'floats'; value: number[] }
  | { kind: 'strings'; value: string[] }
  | { kind: 'tensor'; value: Tensor }
  | { kind: 'graph'; value: Graph };

export interface Node {
  op: string;
  /** Unique within the graph; names an operator in every error message. */
  name: string;
  /** Absent or empty: the standard operator set. */
  domain?: string;
  /** Value names; the empty string is an absent optional input. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/** `nodes` are in topological order; every value has one producer (single static assignment). */
export interface Graph {
  name: string;
  nodes: Node[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  initializers: Map<string, Tensor>;
}

export interface Model {
  graph: Graph;
  opset: number;
  producer: string;
  metadata: Record<string, string>;
}
