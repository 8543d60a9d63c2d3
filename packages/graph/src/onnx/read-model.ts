import { fromBinary } from '@bufbuild/protobuf';
import { GraphError } from '../error.js';
import type { Attribute, Dim, Graph, Model, Node, Tensor, ValueInfo } from '../ir.js';
import { checkOperator } from './check-operator.js';
import { dataTypesByCode } from './data-types.js';
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from './generated/onnx-ml_pb.js';
import { defaultLimits, type ReadLimits } from './limits.js';
import { type ExternalResolver, readTensor } from './read-tensor.js';
import { reasonOf, scanWire } from './scan-wire.js';
import { type Scope, sortNodes } from './sort-nodes.js';

export interface ReadOptions {
  /** Where external data come from; without it a model that has any is refused. */
  external?: ExternalResolver;
  /** Tighter or wider bounds than the defaults. */
  limits?: Partial<ReadLimits>;
}

/** The opsets read; `normaliseOpset` brings each to the one inside. */
export const OLDEST_OPSET = 11;
export const NEWEST_OPSET = 21;

/**
 * Reads an ONNX file as it stands, at its own opset. Weights are views of `bytes` or of what the resolver returns.
 * Files may come from anyone: every size, count, name, path, operator and attribute is checked, and the one error is
 * GraphError. What Scion does not need is left out: documentation, training info, quantization and shape annotations
 * of outputs' inner values.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  const limits = { ...defaultLimits, ...options.limits };
  if (bytes.byteLength > limits.modelBytes) {
    throw new GraphError(
      'too_large',
      `the model takes ${bytes.byteLength} bytes, at most ${limits.modelBytes} are read`,
    );
  }
  scanWire(bytes, limits);
  const proto = decode(bytes, limits);
  const opset = opsetOf(proto);
  if (proto.functions.length > 0) {
    throw new GraphError(
      'unsupported',
      `the model defines functions (${proto.functions[0].name} …); inline them first, e.g. with onnx.inliner`,
    );
  }
  if (!proto.graph) throw new GraphError('malformed', 'the model holds no graph');
  const reader = createGraphReader({ opset, limits, external: options.external });
  return {
    graph: reader(proto.graph),
    opset,
    producer: [proto.producerName, proto.producerVersion].filter(Boolean).join(' '),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
  };
}

function decode(bytes: Uint8Array, limits: ReadLimits): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: limits.depth });
  } catch (error) {
    throw new GraphError('malformed', `not an ONNX model: ${reasonOf(error)}`, { cause: error });
  }
}

function opsetOf(proto: ModelProto): number {
  const standard = proto.opsetImport.find(({ domain }) => isStandard(domain));
  if (!standard) throw new GraphError('malformed', 'the model does not say which opset it uses');
  if (standard.version < OLDEST_OPSET || standard.version > NEWEST_OPSET) {
    throw new GraphError(
      'unsupported_opset',
      `the model uses opset ${standard.version}; export it with one from ${OLDEST_OPSET} to ${NEWEST_OPSET}`,
    );
  }
  return Number(standard.version);
}

const isStandard = (domain: string) => domain === '' || domain === 'ai.onnx';

interface GraphContext {
  opset: number;
  limits: ReadLimits;
  external: ExternalResolver | undefined;
}

function createGraphReader(context: GraphContext) {
  const { limits } = context;
  let nodeCount = 0;
  const text = new TextDecoder();

  const readGraph = (proto: GraphProto, outer?: Scope): Graph => {
    nodeCount += proto.node.length;
    if (nodeCount > limits.nodes) {
      throw new GraphError('too_large', `the model has ${nodeCount} nodes, at most ${limits.nodes} are read`);
    }
    if (proto.sparseInitializer.length > 0) {
      throw new GraphError('unsupported', 'the model holds sparse initializers; export dense weights');
    }
    const initializers = new Map<string, Tensor>();
    for (const tensor of proto.initializer) {
      if (tensor.name === '') throw new GraphError('bad_tensor', 'an initializer has no name');
      if (initializers.has(tensor.name)) {
        throw new GraphError('duplicate_name', `the initializer ${tensor.name} occurs twice`);
      }
      initializers.set(tensor.name, readTensor(tensor, `initializer ${tensor.name}`, context));
    }
    // Before IR version 4 every initializer was listed among the inputs too.
    const inputs = proto.input.filter(({ name }) => !initializers.has(name)).map(readValueInfo);
    const own = new Set([
      ...initializers.keys(),
      ...inputs.map(({ name }) => name),
      ...proto.node.flatMap((node) => node.output),
    ]);
    const known: Scope = { has: (name) => own.has(name) || (outer?.has(name) ?? false) };
    const names = new Set<string>();
    const graph: Graph = {
      name: proto.name,
      nodes: proto.node.map((node, index) => readNode(node, index, names, known)),
      inputs,
      outputs: proto.output.map(readValueInfo),
      initializers,
    };
    graph.nodes = sortNodes(graph, outer);
    return graph;
  };

  const readNode = (proto: NodeProto, index: number, taken: Set<string>, known: Scope): Node => {
    let name = [moduleOf(proto), proto.name || `${proto.opType}_${index}`].filter(Boolean).join('/');
    while (taken.has(name)) name = `${name}_${index}`;
    taken.add(name);
    const attributes: Record<string, Attribute> = {};
    for (const attribute of proto.attribute) {
      const where = `${proto.opType} ${name}: attribute ${attribute.name}`;
      if (
        attribute.name === '' ||
        attribute.name === '__proto__' ||
        Object.hasOwn(attributes, attribute.name)
      ) {
        throw new GraphError('bad_attribute', `${where} is empty, reserved or given twice`);
      }
      attributes[attribute.name] = readAttribute(attribute, where, known);
    }
    const node: Node = { op: proto.opType, name, inputs: proto.input, outputs: proto.output, attributes };
    if (!isStandard(proto.domain)) node.domain = proto.domain;
    checkOperator(node, context.opset);
    return node;
  };

  const readAttribute = (proto: AttributeProto, where: string, known: Scope): Attribute => {
    switch (proto.type) {
      case AttributeType.INT:
        return { kind: 'int', value: Number(proto.i) };
      case AttributeType.FLOAT:
        return { kind: 'float', value: proto.f };
      case AttributeType.STRING:
        return { kind: 'string', value: text.decode(proto.s) };
      case AttributeType.INTS:
        return { kind: 'ints', value: proto.ints.map(Number) };
      case AttributeType.FLOATS:
        return { kind: 'floats', value: proto.floats };
      case AttributeType.STRINGS:
        return { kind: 'strings', value: proto.strings.map((value) => text.decode(value)) };
      case AttributeType.TENSOR:
        if (!proto.t) break;
        return { kind: 'tensor', value: readTensor(proto.t, where, context) };
      case AttributeType.GRAPH:
        if (!proto.g) break;
        return { kind: 'graph', value: readGraph(proto.g, known) };
    }
    const type = AttributeType[proto.type] ?? proto.type;
    throw new GraphError('bad_attribute', `${where} is of type ${type} and holds nothing Scion reads`);
  };

  return readGraph;

  function readValueInfo(proto: ValueInfoProto): ValueInfo {
    const { name } = proto;
    if (name === '') throw new GraphError('malformed', "one of the graph's inputs or outputs has no name");
    const value = proto.type?.value;
    if (value?.case !== 'tensorType') {
      throw new GraphError(
        'unsupported',
        `${name} is ${value?.case ?? 'of no type'}; only tensors are supported`,
      );
    }
    const type = dataTypesByCode.get(value.value.elemType);
    if (!type) throw new GraphError('unsupported', `${name} has the element type ${value.value.elemType}`);
    const { shape } = value.value;
    if (!shape) return { name, type };
    if (shape.dim.length > limits.rank) {
      throw new GraphError(
        'too_large',
        `${name} has ${shape.dim.length} dimensions, at most ${limits.rank} are read`,
      );
    }
    return { name, type, shape: shape.dim.map((dim, axis) => readDim(dim.value, `${name}.${axis}`)) };
  }
}

/**
 * The module a node was traced in, e.g. `encoder.layer.0.attention.self.query`. The legacy exporter has it in the node's name;
 * the dynamo exporter only in this property, a Python list that ends in the node's own name.
 */
function moduleOf(proto: NodeProto): string {
  const scopes = proto.metadataProps.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value ?? '';
  const names = Array.from(scopes.matchAll(/'([^']*)'/g), ([, name]) => name);
  return names.at(-2) ?? '';
}

type DimValue =
  | { case: 'dimValue'; value: bigint }
  | { case: 'dimParam'; value: string }
  | { case: undefined };

/** Unnamed and negative dimensions are unknown: they get a name of their own. */
function readDim(dim: DimValue, name: string): Dim {
  if (dim.case === 'dimParam' && dim.value !== '') return dim.value;
  if (dim.case === 'dimValue' && dim.value >= 0n && dim.value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return Number(dim.value);
  }
  return name;
}
