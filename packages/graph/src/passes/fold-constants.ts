import type { Model, Node, Tensor } from '../ir.js';
import { floatScalar, floatTensor, int64Scalar, int64Tensor } from '../tensor.js';
import { canEvaluate, evaluate } from './evaluate.js';
import { renameReads, withGraph } from './graph-edit.js';

/**
 * Turns Constant nodes into initializers, computes what depends on constants alone, and drops Identity nodes.
 * Graph outputs keep their names. Folding is exact or left undone; operators that make much out of little are bounded.
 */
export function foldConstants(model: Model): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  /** Values that are another value under a second name. */
  const aliases = new Map<string, string>();
  const nodes: Node[] = [];

  for (const original of graph.nodes) {
    const node = renameReads(original, (value) => aliases.get(value) ?? value);
    const [output] = node.outputs;
    const constant = node.op === 'Constant' ? constantOf(node) : folded(node, initializers);
    if (constant && !outputs.has(output)) {
      initializers.set(output, constant);
    } else if (node.op === 'Identity' && !node.domain && !outputs.has(output)) {
      aliases.set(output, node.inputs[0]);
    } else {
      nodes.push(node);
    }
  }
  return withGraph(model, { nodes, initializers });
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
