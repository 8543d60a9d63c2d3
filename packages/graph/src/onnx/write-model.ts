import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from '../ir.js';
import { toInt64 } from '../tensor.js';
import { dataTypeCodes } from './data-types.js';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './generated/onnx-ml_pb.js';

export interface WriteOptions {
  /** Puts large initializers of the main graph into a file of this name beside the model. */
  externalData?: {
    location: string;
    /** Smaller initializers stay in the model. Default 1024. */
    minBytes?: number;
  };
  /**
   * Where weights already lie: the `placed` of an earlier model over the same weights. They are referred to there instead of being written
   * again, so that all graphs derived from one base share one file. Recognised by the identity of their bytes.
   */
  existing?: ReadonlyMap<Uint8Array, ExternalPlace>;
}

/** Where in which file an initializer's bytes lie. */
export interface ExternalPlace {
  location: string;
  offset: number;
}

/** A file as the pieces to write one after another; the weights among them are the caller's own bytes, uncopied. */
export interface ExternalFile {
  location: string;
  chunks: Uint8Array[];
  /** The file's length. */
  bytes: number;
}

export interface WrittenModel {
  model: Uint8Array;
  /** Present when `externalData` was asked for and an initializer was large enough. */
  external: ExternalFile | undefined;
  /** Where each initializer that is not in the model lies; pass it as `existing` to write further models over the same weights. */
  placed: ReadonlyMap<Uint8Array, ExternalPlace>;
}

/** IR version 9 came with opset 20 (onnx 1.15): the lowest that permits the operators we write. */
const IR_VERSION = 9n;

/** Runtimes map external data into memory: whole pages for large weights, a cache line for small ones. */
const PAGE_BYTES = 4096;
const LINE_BYTES = 64;
const PAGED_FROM_BYTES = 1 << 16;

/**
 * Writes a model as onnx.proto's ModelProto. Inline weights are copied into the message, as protobuf asks;
 * with `externalData` large ones are not: they come back as chunks for the caller to write.
 */
export function writeModel(model: Model, options: WriteOptions = {}): WrittenModel {
  const external = options.externalData && createExternalLayout(options.externalData);
  const placed = new Map<Uint8Array, ExternalPlace>();
  const place: Place = (name, tensor) => {
    const at = options.existing?.get(tensor.data) ?? external?.place(tensor);
    if (!at) return undefined;
    placed.set(tensor.data, at);
    return externalTensor(name, tensor, at);
  };
  const proto = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: model.producer,
    opsetImport: opsetsOf(model),
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    graph: graphToProto(model.graph, place),
  });
  return { model: toBinary(ModelProtoSchema, proto), external: external?.file(), placed };
}

/** Nodes of other operator sets (com.microsoft …) need an import of their own; version 1 is the only one those have. */
function opsetsOf(model: Model) {
  const domains = new Set<string>();
  const visit = (graph: Graph) => {
    for (const node of graph.nodes) {
      domains.add(node.domain ?? '');
      for (const attribute of Object.values(node.attributes)) {
        if (attribute.kind === 'graph') visit(attribute.value);
      }
    }
  };
  visit(model.graph);
  domains.delete('');
  return [
    { domain: '', version: BigInt(model.opset) },
    ...[...domains].map((domain) => ({ domain, version: 1n })),
  ];
}

type Place = (name: string, tensor: Tensor) => MessageInitShape<typeof TensorProtoSchema> | undefined;

function graphToProto(graph: Graph, place: Place): MessageInitShape<typeof GraphProtoSchema> {
  return {
    name: graph.name,
    node: graph.nodes.map(nodeToProto),
    input: graph.inputs.map(valueInfoToProto),
    output: graph.outputs.map(valueInfoToProto),
    initializer: Array.from(
      graph.initializers,
      ([name, tensor]) => place(name, tensor) ?? tensorToProto(tensor, name),
    ),
  };
}

function nodeToProto(node: Node): MessageInitShape<typeof NodeProtoSchema> {
  return {
    opType: node.op,
    name: node.name,
    ...(node.domain ? { domain: node.domain } : {}),
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeToProto(name, attribute)),
  };
}

function attributeToProto(name: string, attribute: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  const text = new TextEncoder();
  switch (attribute.kind) {
    case 'int':
      return { name, type: AttributeType.INT, i: toInt64(attribute.value) };
    case 'float':
      return { name, type: AttributeType.FLOAT, f: attribute.value };
    case 'string':
      return { name, type: AttributeType.STRING, s: text.encode(attribute.value) };
    case 'ints':
      return { name, type: AttributeType.INTS, ints: attribute.value.map(toInt64) };
    case 'floats':
      return { name, type: AttributeType.FLOATS, floats: attribute.value };
    case 'strings':
      return {
        name,
        type: AttributeType.STRINGS,
        strings: attribute.value.map((value) => text.encode(value)),
      };
    case 'tensor':
      return { name, type: AttributeType.TENSOR, t: tensorToProto(attribute.value) };
    case 'graph':
      return { name, type: AttributeType.GRAPH, g: graphToProto(attribute.value, () => undefined) };
  }
}

function tensorToProto(tensor: Tensor, name = ''): MessageInitShape<typeof TensorProtoSchema> {
  return {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: dataTypeCodes[tensor.type],
    rawData: tensor.data,
  };
}

function valueInfoToProto(value: ValueInfo): MessageInitShape<typeof ValueInfoProtoSchema> {
  const shape = value.shape && {
    dim: value.shape.map((dim) => ({
      value:
        typeof dim === 'number'
          ? { case: 'dimValue' as const, value: BigInt(dim) }
          : { case: 'dimParam' as const, value: dim },
    })),
  };
  return {
    name: value.name,
    type: { value: { case: 'tensorType', value: { elemType: dataTypeCodes[value.type], shape } } },
  };
}

function externalTensor(
  name: string,
  { dims, type, data }: Tensor,
  { location, offset }: ExternalPlace,
): MessageInitShape<typeof TensorProtoSchema> {
  return {
    name,
    dims: dims.map(BigInt),
    dataType: dataTypeCodes[type],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(data.byteLength) },
    ],
  };
}

function createExternalLayout({ location, minBytes = 1024 }: { location: string; minBytes?: number }) {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const append = (chunk: Uint8Array) => {
    if (chunk.byteLength === 0) return;
    chunks.push(chunk);
    bytes += chunk.byteLength;
  };
  return {
    place({ data }: Tensor): ExternalPlace | undefined {
      const length = data.byteLength;
      if (length < minBytes) return undefined;
      const alignment = length >= PAGED_FROM_BYTES ? PAGE_BYTES : LINE_BYTES;
      append(new Uint8Array((alignment - (bytes % alignment)) % alignment));
      const offset = bytes;
      append(data);
      return { location, offset };
    },
    file: (): ExternalFile | undefined => (bytes > 0 ? { location, chunks, bytes } : undefined),
  };
}
