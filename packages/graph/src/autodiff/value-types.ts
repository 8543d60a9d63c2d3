import { GraphError } from '../error.js';
import type { Attribute, DataType, Graph, Node } from '../ir.js';
import { dataTypesByCode } from '../onnx/data-types.js';

const typeAttribute = (attribute: Attribute | undefined): DataType | undefined =>
  attribute?.kind === 'int' ? dataTypesByCode.get(attribute.value) : undefined;

const always = (type: DataType) => (): DataType => type;

/** Operators whose results are not of their first input's type (operator pages of opset 20). */
const outputTypes: Record<string, (node: Node, typeOf: (value: string) => DataType) => DataType> = {
  ArgMax: always('int64'),
  ArgMin: always('int64'),
  NonZero: always('int64'),
  Shape: always('int64'),
  Size: always('int64'),
  And: always('bool'),
  Equal: always('bool'),
  Greater: always('bool'),
  GreaterOrEqual: always('bool'),
  IsInf: always('bool'),
  IsNaN: always('bool'),
  Less: always('bool'),
  LessOrEqual: always('bool'),
  Not: always('bool'),
  Or: always('bool'),
  Xor: always('bool'),
  Cast: ({ attributes }) => typeAttribute(attributes.to) ?? 'float32',
  CastLike: ({ inputs }, typeOf) => typeOf(inputs[1]),
  Where: ({ inputs }, typeOf) => typeOf(inputs[1]),
  OneHot: ({ inputs }, typeOf) => typeOf(inputs[2]),
  DequantizeLinear: ({ inputs }, typeOf) => typeOf(inputs[1]),
  ConstantOfShape: ({ attributes }) =>
    attributes.value?.kind === 'tensor' ? attributes.value.value.type : 'float32',
  RandomNormal: ({ attributes }) => typeAttribute(attributes.dtype) ?? 'float32',
  RandomUniform: ({ attributes }) => typeAttribute(attributes.dtype) ?? 'float32',
  EyeLike: ({ attributes, inputs }, typeOf) => typeAttribute(attributes.dtype) ?? typeOf(inputs[0]),
  Constant({ attributes }) {
    const { value, value_int, value_ints } = attributes;
    if (value?.kind === 'tensor') return value.value.type;
    return value_int || value_ints ? 'int64' : 'float32';
  },
};

/** Outputs beyond the first whose type is another one: indices of pooling and of the largest elements. */
const secondOutputTypes: Record<string, DataType> = { MaxPool: 'int64', TopK: 'int64', Dropout: 'bool' };

/** By operator with a subgraph: the attribute that holds it, and how many of its outputs stay within. */
const bodies: Record<string, [attribute: string, inner: number]> = {
  If: ['then_branch', 0],
  Loop: ['body', 1],
  Scan: ['body', 0],
};

/** The types that a node's subgraph declares for what becomes the node's outputs. */
function bodyTypes({ op, attributes }: Node): DataType[] | undefined {
  if (!Object.hasOwn(bodies, op)) return undefined;
  const [name, inner] = bodies[op];
  const body = attributes[name];
  return body?.kind === 'graph' ? body.value.outputs.slice(inner).map(({ type }) => type) : undefined;
}

/** The element type of every value in a graph. Types, other than shapes, follow from the operators alone. */
export function valueTypes(graph: Graph): Map<string, DataType> {
  const types = new Map<string, DataType>();
  for (const { name, type } of graph.inputs) types.set(name, type);
  for (const [name, { type }] of graph.initializers) types.set(name, type);
  for (const node of graph.nodes) {
    const typeOf = (value: string): DataType => {
      const type = types.get(value);
      if (!type)
        throw new GraphError('dangling_name', `node "${node.name}" reads "${value}" before it exists`);
      return type;
    };
    const declared = bodyTypes(node);
    const present = node.inputs.find((input) => input !== '');
    const first = outputTypes[node.op]?.(node, typeOf) ?? (present ? typeOf(present) : 'float32');
    for (const [i, output] of node.outputs.entries()) {
      types.set(output, declared?.[i] ?? (i === 0 ? first : (secondOutputTypes[node.op] ?? first)));
    }
  }
  return types;
}

export const isFloating = (type: DataType | undefined): boolean =>
  type === 'float32' || type === 'float64' || type === 'float16' || type === 'bfloat16';
