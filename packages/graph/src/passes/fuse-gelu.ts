import type { Model, Node, Tensor } from '../ir.js';
import { scalarOf } from './fuse-layer-norm.js';
import { type Index, indexOf, withGraph } from './graph-edit.js';

/**
 * Replaces Gaussian error linear units written out in parts by Gelu (Hendrycks & Gimpel 2016):
 *
 *     exact  ½·x·(1 + erf(x/√2))        tanh  ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
 *
 * in any order of the factors. The fused node takes the name and output of the last part.
 */
export function fuseGelu(model: Model): Model {
  const { graph } = model;
  const index = indexOf(graph);
  const search: Search = { index, constants: graph.initializers };
  const fused = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const x =
      node.op === 'Erf' ? insideErf(node, search) : node.op === 'Tanh' ? insideTanh(node, search) : undefined;
    const last = x === undefined ? undefined : afterBell(node, x, search);
    if (x === undefined || !last) continue;
    fused.set(last, {
      op: 'Gelu',
      name: last.name,
      inputs: [x],
      outputs: last.outputs,
      attributes: { approximate: { kind: 'string', value: node.op === 'Erf' ? 'none' : 'tanh' } },
    });
  }
  return withGraph(model, { nodes: graph.nodes.map((node) => fused.get(node) ?? node) });
}

interface Search {
  index: Index;
  constants: Map<string, Tensor>;
}

/** Exporters round their constants to float32, some to half precision. */
const near = (value: number | undefined, wanted: number) =>
  value !== undefined && Math.abs(value - wanted) <= 1e-3 * Math.abs(wanted);

/** A product by a constant, or a division by one: the value and the factor. */
function scaled(value: string, { index, constants }: Search): { of: string; by: number } | undefined {
  const node = index.producers.get(value);
  if (node?.op === 'Div') {
    const divisor = scalarOf(constants, node.inputs[1]);
    return divisor === undefined ? undefined : { of: node.inputs[0], by: 1 / divisor };
  }
  if (node?.op !== 'Mul') return undefined;
  for (const [of, constant] of [node.inputs, node.inputs.toReversed()]) {
    const by = scalarOf(constants, constant);
    if (by !== undefined) return { of, by };
  }
  return undefined;
}

/** x where the node is erf(x/√2). */
function insideErf(node: Node, search: Search): string | undefined {
  const inner = scaled(node.inputs[0], search);
  return inner && near(inner.by, Math.SQRT1_2) ? inner.of : undefined;
}

/** x where the node is tanh(√(2/π)·(x + 0.044715·x³)). */
function insideTanh(node: Node, search: Search): string | undefined {
  const outer = scaled(node.inputs[0], search);
  if (!outer || !near(outer.by, Math.sqrt(2 / Math.PI))) return undefined;
  const sum = search.index.producers.get(outer.of);
  if (sum?.op !== 'Add') return undefined;
  for (const [x, rest] of [sum.inputs, sum.inputs.toReversed()]) {
    const cubic = scaled(rest, search);
    if (cubic && near(cubic.by, 0.044715) && isCubeOf(cubic.of, x, search)) return x;
  }
  return undefined;
}

function isCubeOf(value: string, x: string, { index, constants }: Search): boolean {
  const node = index.producers.get(value);
  if (node?.op === 'Pow') return node.inputs[0] === x && scalarOf(constants, node.inputs[1]) === 3;
  if (node?.op !== 'Mul') return false;
  return [node.inputs, node.inputs.toReversed()].some(([a, b]) => {
    const square = index.producers.get(b);
    if (a !== x || !square) return false;
    if (square.op === 'Pow') return square.inputs[0] === x && scalarOf(constants, square.inputs[1]) === 2;
    return square.op === 'Mul' && square.inputs.every((input) => input === x);
  });
}

/**
 * The last node of ½·x·(1 + bell): the factors ½ and x come in one after the other or already multiplied, and nothing
 * else reads what lies between.
 */
function afterBell(bell: Node, x: string, search: Search): Node | undefined {
  const { index, constants } = search;
  const follower = (node: Node): Node | undefined => {
    const readers = index.consumers.get(node.outputs[0]) ?? [];
    return readers.length === 1 && !index.outputs.has(node.outputs[0]) ? readers[0] : undefined;
  };
  const plusOne = follower(bell);
  if (plusOne?.op !== 'Add' || !plusOne.inputs.some((input) => scalarOf(constants, input) === 1))
    return undefined;

  let needsX = true;
  let needsHalf = true;
  let node = plusOne;
  while (needsX || needsHalf) {
    const next = follower(node);
    if (next?.op !== 'Mul' && next?.op !== 'Div') return undefined;
    const [value] = node.outputs;
    const other = next.inputs[0] === value ? next.inputs[1] : next.inputs[0];
    const half = scaled(other, search);
    const constant = scalarOf(constants, other);
    if (next.op === 'Div') {
      if (!needsHalf || constant !== 2 || next.inputs[0] !== value) return undefined;
      needsHalf = false;
    } else if (needsX && other === x) {
      needsX = false;
    } else if (needsHalf && constant === 0.5) {
      needsHalf = false;
    } else if (needsX && needsHalf && half?.of === x && half.by === 0.5) {
      needsX = false;
      needsHalf = false;
    } else {
      return undefined;
    }
    node = next;
  }
  return node;
}
