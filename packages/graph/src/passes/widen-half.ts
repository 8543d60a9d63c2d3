import { castCodes } from '../builder.js';
import { widenHalves } from '../half.js';
import type { Attribute, DataType, Graph, Model, Node, Tensor, ValueInfo } from '../ir.js';
import { floatTensor } from '../tensor.js';

const isHalf = (type: DataType): type is 'float16' | 'bfloat16' => type === 'float16' || type === 'bfloat16';

/** Attributes that name an element type: Cast's, and those of the operators that make values from nothing. */
const typeAttributes = ['to', 'dtype', 'output_dtype'];

/**
 * A half-precision model as one of float32: its weights, the types it declares and the nodes that name one. Gradients of
 * half precision are too coarse to train on, and ONNX Runtime's CPU provider would cast to and fro around every node.
 * What the model computes changes by no more than its own rounding did; its inputs and outputs are float32 from then on.
 */
export function widenHalf(model: Model): Model {
  return { ...model, graph: widenGraph(model.graph) };
}

function widenGraph(graph: Graph): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map(widenNode),
    inputs: graph.inputs.map(widenValue),
    outputs: graph.outputs.map(widenValue),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, widenTensor(tensor)])),
  };
}

const widenValue = (value: ValueInfo): ValueInfo =>
  isHalf(value.type) ? { ...value, type: 'float32' } : value;

const widenTensor = (tensor: Tensor): Tensor =>
  isHalf(tensor.type) ? floatTensor(widenHalves(tensor.type, tensor.data), tensor.dims) : tensor;

function widenNode(node: Node): Node {
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([name, attribute]) => [name, widenAttribute(name, attribute)]),
  );
  return { ...node, attributes };
}

function widenAttribute(name: string, attribute: Attribute): Attribute {
  if (attribute.kind === 'tensor') return { kind: 'tensor', value: widenTensor(attribute.value) };
  if (attribute.kind === 'graph') return { kind: 'graph', value: widenGraph(attribute.value) };
  const half =
    attribute.kind === 'int' &&
    typeAttributes.includes(name) &&
    (attribute.value === castCodes.float16 || attribute.value === castCodes.bfloat16);
  return half ? { kind: 'int', value: castCodes.float32 } : attribute;
}
