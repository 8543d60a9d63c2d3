import { GraphError } from '../error.js';
import { type Attribute, type Graph, type Model, type Node, OPSET, type Tensor } from '../ir.js';
import { checkOperator } from '../onnx/check-operator.js';
import { describe } from '../onnx/sort-nodes.js';
import { int64Scalar, int64Tensor } from '../tensor.js';
import { createConstants, intOf, intsOf } from './graph-edit.js';
import { inferRanks } from './ranks.js';

interface Context {
  /** Adds a constant and returns its name. */
  constant(name: string, tensor: Tensor): string;
  rank(value: string): number | undefined;
}

/** Says in the newer operator's terms what the node says in the older one's. */
type Rewrite = (node: Node, context: Context) => Node[];

/** One change between opsets 11 and 21: nodes of models older than `since` are rewritten. */
interface Change {
  since: number;
  rewrite: Rewrite;
}

/**
 * What changed meaning or form between opsets 11 and 20, by operator (onnx, docs/Changelog.md). Operators that only gained
 * types, inputs or attributes mean the same under the newer opset and are not listed.
 */
const changes: Record<string, Change> = {
  // 13: from the product of the dimensions before `axis` to one axis; the default moves from 1 to −1.
  Softmax: { since: 13, rewrite: flattenedSoftmax },
  LogSoftmax: { since: 13, rewrite: flattenedSoftmax },
  Hardmax: { since: 13, rewrite: flattenedSoftmax },
  // 13: `axes` become an input.
  Squeeze: { since: 13, rewrite: attributeToInput('axes', 1) },
  Unsqueeze: { since: 13, rewrite: attributeToInput('axes', 1) },
  ReduceSum: { since: 13, rewrite: attributeToInput('axes', 1) },
  // 18: likewise for all other reductions.
  ReduceL1: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceL2: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceLogSum: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceLogSumExp: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceMax: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceMean: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceMin: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceProd: { since: 18, rewrite: attributeToInput('axes', 1) },
  ReduceSumSquare: { since: 18, rewrite: attributeToInput('axes', 1) },
  // 13: `split` becomes an input. 18: equal parts are asked for by number.
  Split: { since: 18, rewrite: split },
  // 12: `ratio` becomes an input. Bases are frozen, so dropout does nothing, whatever the opset.
  Dropout: { since: Number.POSITIVE_INFINITY, rewrite: dropout },
  // 14: `training_mode`, and statistics as outputs only in training.
  BatchNormalization: { since: Number.POSITIVE_INFINITY, rewrite: inferenceNorm },
  // 21: scale and bias, one for each group, become one for each channel; the older form is deprecated.
  GroupNormalization: { since: Number.POSITIVE_INFINITY, rewrite: groupNorm },
  // 13: `tf_half_pixel_for_nn` goes.
  Resize: { since: 13, rewrite: resize },
  // 16: `coordinate_transformation_mode` comes, and by default moves the regions by half a pixel.
  RoiAlign: { since: 16, rewrite: roiAlign },
  // 20: `bilinear` and `bicubic` are renamed.
  GridSample: { since: 20, rewrite: gridSample },
  // 20: `axis` becomes an input; its default moves from 1 to −2.
  DFT: { since: 20, rewrite: dft },
};

/**
 * Brings a model of opset 11 to 21 to the one inside (20). The result computes the same; nodes keep their names.
 * Errors: `unsupported` for training-mode nodes, `bad_attribute` or `unknown_operator` where opset 21 says what 20 cannot.
 */
export function normaliseOpset(model: Model): Model {
  const constants = createConstants(model.graph);
  const rewriteGraph = (graph: Graph): Graph => {
    const ranks = inferRanks(graph);
    const context: Context = { constant: constants.add, rank: (value) => ranks.get(value) };
    return {
      ...graph,
      nodes: graph.nodes.flatMap((original) => {
        const node = withSubgraphs(original, rewriteGraph);
        const change = Object.hasOwn(changes, node.op) ? changes[node.op] : undefined;
        const nodes = change && model.opset < change.since ? change.rewrite(node, context) : [node];
        // Whatever the source, what stands inside is held against opset 20.
        for (const result of nodes) checkOperator(result, OPSET);
        return nodes;
      }),
    };
  };
  const graph = rewriteGraph(model.graph);
  return { ...model, opset: OPSET, graph: { ...graph, initializers: constants.initializers } };
}

function withSubgraphs(node: Node, rewrite: (graph: Graph) => Graph): Node {
  const entries = Object.entries(node.attributes);
  if (!entries.some(([, attribute]) => attribute.kind === 'graph')) return node;
  return {
    ...node,
    attributes: Object.fromEntries(
      entries.map(([name, attribute]) => [
        name,
        attribute.kind === 'graph' ? { kind: 'graph' as const, value: rewrite(attribute.value) } : attribute,
      ]),
    ),
  };
}

function without(node: Node, ...names: string[]): Record<string, Attribute> {
  return Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name)));
}

function attributeToInput(name: string, position: number): Rewrite {
  return (node, { constant }) => {
    const values = intsOf(node, name);
    if (!values) return [node];
    const inputs = [...node.inputs];
    while (inputs.length < position) inputs.push('');
    inputs[position] = constant(`${node.name}.${name}`, int64Tensor(values));
    return [{ ...node, inputs, attributes: without(node, name) }];
  };
}

function flattenedSoftmax(node: Node, { rank }: Context): Node[] {
  const axis = intOf(node, 'axis', 1);
  const [x] = node.inputs;
  const dimensions = rank(x);
  const last = axis === -1 || (dimensions !== undefined && axis === dimensions - 1);
  const attributes: Record<string, Attribute> = { axis: { kind: 'int', value: -1 } };
  if (last) return [{ ...node, attributes }];
  const [flat, result, shape] = ['flat', 'result', 'shape'].map((part) => `${node.name}.${part}`);
  return [
    {
      op: 'Flatten',
      name: flat,
      inputs: [x],
      outputs: [flat],
      attributes: { axis: { kind: 'int', value: axis } },
    },
    { ...node, inputs: [flat], outputs: [result], attributes },
    { op: 'Shape', name: shape, inputs: [x], outputs: [shape], attributes: {} },
    {
      op: 'Reshape',
      name: `${node.name}.reshape`,
      inputs: [result, shape],
      outputs: node.outputs,
      attributes: {},
    },
  ];
}

function split(node: Node, context: Context): Node[] {
  if (intsOf(node, 'split')) return attributeToInput('split', 1)(node, context);
  if (node.inputs[1]) return [node];
  const parts: Attribute = { kind: 'int', value: node.outputs.length };
  return [{ ...node, attributes: { ...node.attributes, num_outputs: parts } }];
}

function dropout(node: Node): Node[] {
  if (node.outputs[1]) {
    throw new GraphError(
      'unsupported',
      `${describe(node)} gives out its mask; export the model in evaluation mode`,
    );
  }
  const [input] = node.inputs;
  return [{ ...node, op: 'Identity', inputs: [input], outputs: [node.outputs[0]], attributes: {} }];
}

function inferenceNorm(node: Node): Node[] {
  if (intOf(node, 'training_mode', 0) !== 0 || node.outputs.slice(1).some((name) => name !== '')) {
    throw new GraphError(
      'unsupported',
      `${describe(node)} computes batch statistics; export the model in evaluation mode`,
    );
  }
  return [{ ...node, outputs: [node.outputs[0]], attributes: without(node, 'momentum', 'training_mode') }];
}

function groupNorm(node: Node): Node[] {
  throw new GraphError(
    'unsupported',
    `${describe(node)} reads its scale differently before and since opset 21; export the model at opset 17 or older, which decomposes it`,
  );
}

function resize(node: Node): Node[] {
  const mode = node.attributes.coordinate_transformation_mode;
  if (mode?.kind === 'string' && mode.value === 'tf_half_pixel_for_nn') {
    throw new GraphError(
      'unsupported',
      `${describe(node)} uses tf_half_pixel_for_nn, which opset 13 removed`,
    );
  }
  return [node];
}

function roiAlign(node: Node): Node[] {
  const mode: Attribute = { kind: 'string', value: 'output_half_pixel' };
  return [{ ...node, attributes: { ...node.attributes, coordinate_transformation_mode: mode } }];
}

function gridSample(node: Node): Node[] {
  const renamed: Record<string, string> = { bilinear: 'linear', bicubic: 'cubic' };
  const { mode } = node.attributes;
  if (mode?.kind !== 'string' || !Object.hasOwn(renamed, mode.value)) return [node];
  return [
    { ...node, attributes: { ...node.attributes, mode: { kind: 'string', value: renamed[mode.value] } } },
  ];
}

function dft(node: Node, { constant }: Context): Node[] {
  const axis = constant(`${node.name}.axis`, int64Scalar(intOf(node, 'axis', 1)));
  return [
    { ...node, inputs: [node.inputs[0], node.inputs[1] ?? '', axis], attributes: without(node, 'axis') },
  ];
}
