import type { Model, Node, Tensor } from '../ir.js';
import { elementCount, floatTensor, integersOf, numbersOf } from '../tensor.js';
import { createConstants, type Index, indexOf, intOf, withGraph } from './graph-edit.js';
import { inferRanks } from './ranks.js';

/**
 * Replaces layer normalisations written out in parts,
 *
 *     d = x − mean(x);  y = d / √(mean(d²) + ε) · gain + bias
 *
 * over the last axis, by LayerNormalization (Ba et al. 2016). Left in parts they cost a training step up to a quarter more.
 * The fused node takes the name and output of the last part; bias, or gain and bias, may be missing.
 */
export function fuseLayerNorm(model: Model): Model {
  const { graph } = model;
  const index = indexOf(graph);
  const constants = createConstants(graph);
  const ranks = inferRanks(graph);
  const fused = new Map<Node, Node>();

  for (const node of graph.nodes) {
    const match = matchNormalised(node, { index, constants: graph.initializers, ranks });
    if (!match) continue;
    const tail = matchAffine(node, index, graph.initializers);
    // The operator wants a gain; where the model has none it is a constant one.
    const gain =
      tail.gain ??
      (tail.size && constants.add(`${node.name}.gain`, floatTensor(new Float32Array(tail.size).fill(1))));
    if (!gain) continue;
    fused.set(tail.last, {
      op: 'LayerNormalization',
      name: tail.last.name,
      inputs: tail.bias ? [match.x, gain, tail.bias] : [match.x, gain],
      outputs: tail.last.outputs,
      attributes: {
        axis: { kind: 'int', value: -1 },
        epsilon: { kind: 'float', value: match.epsilon },
      },
    });
  }
  return withGraph(model, {
    nodes: graph.nodes.map((node) => fused.get(node) ?? node),
    initializers: constants.initializers,
  });
}

interface Surroundings {
  index: Index;
  constants: Map<string, Tensor>;
  ranks: Map<string, number>;
}

/** Whether the node is d / √(mean(d²) + ε) or d · (1 / √(…)), and of which x. */
function matchNormalised(node: Node, surroundings: Surroundings): { x: string; epsilon: number } | undefined {
  const { index, constants } = surroundings;
  const producer = (value: string, op: string) => {
    const found = index.producers.get(value);
    return found?.op === op ? found : undefined;
  };
  const rootOf = (value: string): Node | undefined => {
    if (node.op === 'Div') return producer(value, 'Sqrt');
    const reciprocal = producer(value, 'Reciprocal');
    if (reciprocal) return producer(reciprocal.inputs[0], 'Sqrt');
    const division = producer(value, 'Div');
    return division && scalarOf(constants, division.inputs[0]) === 1
      ? producer(division.inputs[1], 'Sqrt')
      : undefined;
  };
  if (node.op !== 'Div' && node.op !== 'Mul') return undefined;
  const orders = node.op === 'Div' ? [node.inputs] : [node.inputs, node.inputs.toReversed()];
  for (const [centred, deviation] of orders) {
    const root = rootOf(deviation);
    const sum = root && producer(root.inputs[0], 'Add');
    if (!sum) continue;
    for (const [variance, epsilonName] of [sum.inputs, sum.inputs.toReversed()]) {
      const epsilon = scalarOf(constants, epsilonName);
      const mean = producer(variance, 'ReduceMean');
      if (epsilon === undefined || !mean || !overLastAxis(mean, surroundings)) continue;
      const square = index.producers.get(mean.inputs[0]);
      const subtraction = producer(centred, 'Sub');
      if (!square || !subtraction || !isSquareOf(square, centred, constants)) continue;
      const [x, average] = subtraction.inputs;
      const first = producer(average, 'ReduceMean');
      if (first && first.inputs[0] === x && overLastAxis(first, surroundings)) return { x, epsilon };
    }
  }
  return undefined;
}

function isSquareOf(node: Node, value: string, constants: Map<string, Tensor>): boolean {
  const [a, b] = node.inputs;
  if (node.op === 'Pow') return a === value && scalarOf(constants, b) === 2;
  return node.op === 'Mul' && a === value && b === value;
}

function overLastAxis(mean: Node, { constants, ranks }: Surroundings): boolean {
  const axes = mean.inputs[1] ? constants.get(mean.inputs[1]) : undefined;
  if (!axes || intOf(mean, 'keepdims', 1) !== 1) return false;
  const [axis, ...more] = integersOf(axes);
  const rank = ranks.get(mean.inputs[0]);
  return more.length === 0 && (axis === -1 || (rank !== undefined && axis === rank - 1));
}

interface Affine {
  last: Node;
  gain?: string;
  bias?: string;
  /** The length of the normalised axis where it follows from the bias. */
  size?: number;
}

/** The multiplication by a gain and the addition of a bias after the normalised value, where nothing else reads between. */
function matchAffine(normalised: Node, index: Index, constants: Map<string, Tensor>): Affine {
  const vectorBeside = (node: Node | undefined, value: string, op: string): string | undefined => {
    if (node?.op !== op) return undefined;
    const other = node.inputs[0] === value ? node.inputs[1] : node.inputs[0];
    return constants.get(other)?.dims.length === 1 ? other : undefined;
  };
  const follower = (node: Node): Node | undefined => {
    const [value] = node.outputs;
    const readers = index.consumers.get(value) ?? [];
    return readers.length === 1 && !index.outputs.has(value) ? readers[0] : undefined;
  };
  const scaling = follower(normalised);
  const gain = vectorBeside(scaling, normalised.outputs[0], 'Mul');
  const scaled = gain && scaling ? scaling : normalised;
  const shift = follower(scaled);
  const bias = vectorBeside(shift, scaled.outputs[0], 'Add');
  const size = bias && elementCount(constants.get(bias)!.dims);
  return {
    last: bias && shift ? shift : scaled,
    ...(gain ? { gain } : {}),
    ...(bias ? { bias } : {}),
    ...(size ? { size } : {}),
  };
}

/** The one number that a constant of a single element holds. */
export function scalarOf(constants: Map<string, Tensor>, name: string): number | undefined {
  const tensor = constants.get(name);
  return tensor && elementCount(tensor.dims) === 1 ? numbersOf(tensor)[0] : undefined;
}
