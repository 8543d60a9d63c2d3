import type { Graph, Model, Node, Tensor } from '../ir.js';
import { floatScalar, floatTensor, int64Scalar, int64Tensor } from '../tensor.js';
import { canEvaluate, evaluate } from './evaluate.js';
import { createConstants, renameReads, withGraph } from './graph-edit.js';

/** Bytes that folding makes in one graph whatever its size: for shapes, masks and positions. */
const SMALL_CONSTANTS = 1 << 26;
/** And how often over it writes what the graph holds: a weight transposed, joined with others, cut again. */
const TIMES_HELD = 4;

/**
 * Turns Constant nodes into initializers, computes what depends on constants alone, and drops Identity nodes.
 * Graph outputs keep their names. Folding is exact or left undone; operators that make much out of little are bounded,
 * each and all together.
 */
export function foldConstants(model: Model): Model {
  const { graph } = model;
  const constants = createConstants(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  /** Values that are another value under a second name. */
  const aliases = new Map<string, string>();
  const nodes: Node[] = [];
  let allowance = SMALL_CONSTANTS + TIMES_HELD * bytesHeld(graph);

  for (const original of graph.nodes) {
    const node = renameReads(original, (value) => aliases.get(value) ?? value);
    const [output] = node.outputs;
    if (outputs.has(output)) {
      nodes.push(node);
      continue;
    }
    if (node.op === 'Identity' && !node.domain) {
      aliases.set(output, node.inputs[0]);
      continue;
    }
    let result: Tensor | undefined;
    if (node.op === 'Constant') result = constantOf(node);
    else if (allowance > 0) {
      result = folded(node, constants.initializers);
      // A reshaped constant shares its bytes.
      const isView = node.inputs.some((name) => constants.initializers.get(name)?.data === result?.data);
      if (result && !isView) allowance -= result.data.byteLength;
    }
    if (!result) nodes.push(node);
    else if (restating.has(node.op)) aliases.set(output, constants.add(restated(node), result));
    else constants.initializers.set(output, result);
  }
  return withGraph(model, { nodes, initializers: constants.initializers });
}

/** What the graph's constants take in memory; many may be views of the same bytes. */
function bytesHeld({ initializers, nodes }: Graph): number {
  const written = nodes.map(({ attributes }) => attributes.value);
  const tensors = written.flatMap((attribute) => (attribute?.kind === 'tensor' ? [attribute.value] : []));
  const buffers = new Set([...initializers.values(), ...tensors].map(({ data }) => data.buffer));
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Operators that say a constant in another form. */
const restating = new Set(['Cast', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);

/** A weight's name is often all that tells which layer it belongs to, so a transposed weight keeps it. */
function restated(node: Node): string {
  return `${node.inputs[0]}.${node.op.toLowerCase()}`;
}

/** What a Constant node holds; undefined for strings and sparse tensors, which have no place inside. */
function constantOf({ attributes }: Node): Tensor | undefined {
  const { value, value_int, value_ints, value_float, value_floats } = attributes;
  if (value?.kind === 'tensor') return value.value;
  if (value_int?.kind === 'int') return int64Scalar(value_int.value);
  if (value_ints?.kind === 'ints') return int64Tensor(value_ints.value);
  if (value_float?.kind === 'float') return floatScalar(value_float.value);
  if (value_floats?.kind === 'floats') return floatTensor(value_floats.value);
  return undefined;
}

function folded(node: Node, constants: Map<string, Tensor>): Tensor | undefined {
  if (!canEvaluate(node)) return undefined;
  const inputs: (Tensor | undefined)[] = [];
  for (const name of node.inputs) {
    const tensor = name === '' ? undefined : constants.get(name);
    if (name !== '' && !tensor) return undefined;
    inputs.push(tensor);
  }
  return evaluate(node, inputs);
}
