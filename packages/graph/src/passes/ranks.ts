import type { Graph, Node } from '../ir.js';
import { intOf, intsOf } from './graph-edit.js';

/** What is known of values: how many dimensions, and how many elements of those that are vectors. */
interface Known {
  rank(value: string): number | undefined;
  length(value: string): number | undefined;
}

type RankRule = (node: Node, known: Known) => number | undefined;

const same: RankRule = ({ inputs }, { rank }) => rank(inputs[0]);

/** Numpy broadcasting: the longest shape decides. */
const broadcast: RankRule = ({ inputs }, { rank }) => {
  const ranks = inputs.filter((name) => name !== '').map(rank);
  return ranks.every((value) => value !== undefined) ? Math.max(...(ranks as number[])) : undefined;
};

const reduce: RankRule = (node, { rank }) => {
  const before = rank(node.inputs[0]);
  if (before === undefined || intOf(node, 'keepdims', 1) === 1) return before;
  const axes = intsOf(node, 'axes');
  return axes ? before - axes.length : node.inputs[1] ? undefined : 0;
};

const rules: Record<string, RankRule> = {
  Concat: same,
  Conv: same,
  MaxPool: same,
  AveragePool: same,
  GlobalAveragePool: same,
  GlobalMaxPool: same,
  BatchNormalization: same,
  LayerNormalization: same,
  InstanceNormalization: same,
  Slice: same,
  Split: same,
  Pad: same,
  Transpose: same,
  CumSum: same,
  Softmax: same,
  LogSoftmax: same,
  Flatten: () => 2,
  Gemm: () => 2,
  Shape: () => 1,
  Size: () => 0,
  Range: () => 1,
  MatMul: (node, { rank }) => {
    const [a, b] = node.inputs.map(rank);
    return a !== undefined && b !== undefined && a >= 2 && b >= 2 ? Math.max(a, b) : undefined;
  },
  Gather: ({ inputs }, { rank }) => {
    const [data, indices] = inputs.map(rank);
    return data === undefined || indices === undefined ? undefined : data - 1 + indices;
  },
  Reshape: ({ inputs }, { length }) => length(inputs[1]),
  ConstantOfShape: ({ inputs }, { length }) => length(inputs[0]),
  Expand: ({ inputs }, { rank, length }) => {
    const before = rank(inputs[0]);
    const wanted = length(inputs[1]);
    return before === undefined || wanted === undefined ? undefined : Math.max(before, wanted);
  },
  // Before opset 13 the axes are an attribute; these ranks are wanted only there.
  Unsqueeze: (node, { rank, length }) => {
    const before = rank(node.inputs[0]);
    const added = intsOf(node, 'axes')?.length ?? (node.inputs[1] ? length(node.inputs[1]) : undefined);
    return before === undefined || added === undefined ? undefined : before + added;
  },
  Squeeze: (node, { rank, length }) => {
    const before = rank(node.inputs[0]);
    const removed = intsOf(node, 'axes')?.length ?? (node.inputs[1] ? length(node.inputs[1]) : undefined);
    return before === undefined || removed === undefined ? undefined : before - removed;
  },
  Constant: ({ attributes: { value, value_ints, value_floats } }) =>
    value?.kind === 'tensor' ? value.value.dims.length : value_ints || value_floats ? 1 : 0,
};
for (const op of [
  'Add Sub Mul Div Pow Max Min Sum Mean Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Mod PRelu',
]
  .join(' ')
  .split(' ')) {
  rules[op] = broadcast;
}
for (const op of [
  'Abs Cast Ceil Celu Clip Cos Dropout Elu Erf Exp Floor HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish',
  'Neg Not Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Tanh ThresholdedRelu Trilu',
]
  .join(' ')
  .split(' ')) {
  rules[op] = same;
}
for (const kind of ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare']) {
  rules[`Reduce${kind}`] = reduce;
}

/** The rank of every value for which it follows from the graph's inputs and constants by simple rules. */
export function inferRanks(graph: Graph): Map<string, number> {
  const ranks = new Map<string, number>();
  const lengths = new Map<string, number>();
  for (const { name, shape } of graph.inputs) {
    if (shape) ranks.set(name, shape.length);
    if (shape?.length === 1 && typeof shape[0] === 'number') lengths.set(name, shape[0]);
  }
  for (const [name, { dims }] of graph.initializers) {
    ranks.set(name, dims.length);
    if (dims.length === 1) lengths.set(name, dims[0]);
  }
  const known: Known = { rank: (name) => ranks.get(name), length: (name) => lengths.get(name) };
  for (const node of graph.nodes) {
    const rank = Object.hasOwn(rules, node.op) ? rules[node.op](node, known) : undefined;
    if (rank !== undefined && rank >= 0) for (const name of node.outputs) ranks.set(name, rank);
    const length = vectorLength(node, known);
    if (length !== undefined) lengths.set(node.outputs[0], length);
  }
  return ranks;
}

/** The length of vectors that end up as a Reshape's or an Expand's shape. */
function vectorLength(node: Node, { rank, length }: Known): number | undefined {
  const [input] = node.inputs;
  switch (node.op) {
    case 'Shape':
      return node.attributes.start || node.attributes.end ? undefined : rank(input);
    case 'Concat': {
      const parts = node.inputs.map(length);
      return parts.every((part) => part !== undefined)
        ? (parts as number[]).reduce((a, b) => a + b, 0)
        : undefined;
    }
    case 'Unsqueeze':
      return rank(input) === 0 ? 1 : undefined;
    case 'Constant': {
      const { value, value_ints } = node.attributes;
      if (value?.kind === 'tensor' && value.value.dims.length === 1) return value.value.dims[0];
      return value_ints?.kind === 'ints' ? value_ints.value.length : undefined;
    }
    case 'Cast':
    case 'Identity':
      return length(input);
    case 'Mul':
    case 'Where':
    case 'Equal': {
      // They broadcast: a scalar or a vector of one element takes the others' length.
      const parts = node.inputs.map((name) => (rank(name) === 0 ? 1 : length(name)));
      return parts.includes(undefined) ? undefined : (parts.find((part) => part !== 1) ?? 1);
    }
    default:
      return undefined;
  }
}
