import { GraphError } from '../error.js';
import type { DataType, Dim, Model, Node, ValueInfo } from '../ir.js';
import { describe, readsOf } from '../onnx/sort-nodes.js';
import { flowOf, leakAt, valuesAbove, weightedValues } from './cut-points.js';
import { createConstants, indexOf, withGraph } from './graph-edit.js';
import { removeDead } from './remove-dead.js';
import { type ShapeSource, shapeFrom } from './shape-from.js';

export interface SplitOptions {
  /**
   * Shapes of values, as probing finds them. Needed where nodes above the cut ask for the shape of a value below it: the
   * answer is then put together from the cut's, so the cut must be among them.
   */
  shapes?: ReadonlyMap<string, readonly Dim[]>;
  /** The element type of the cut. Default float32. */
  type?: DataType;
}

/** A model in two: run one after the other they compute what the whole did. */
export interface SplitModel {
  /** The value that is cut. */
  cut: string;
  /** From the inputs to the cut, its only output. */
  trunk: Model;
  /** From the cut, its first input, to the outputs. Of the model's own inputs it keeps those that it reads. */
  top: Model;
}

/**
 * Splits a model at a value, or at a node's first output (see `cutPoints` for those that are possible). What both sides need and what carries none of the model's data
 * (attention masks, relative positions) is computed on both.
 *
 * The trap: `Shape(x)` of a value below the cut would draw all that leads to x into the top, and through it the producer
 * of the cut, which then stands before itself. Such shapes are taken from the cut instead, and its producer stays below.
 *
 * Errors: `bad_cut` where nothing of that name is computed, the top would read the trunk elsewhere, or a shape is not known.
 */
export function splitModel(model: Model, at: string, options: SplitOptions = {}): SplitModel {
  const { shapes, type = 'float32' } = options;
  const { graph } = model;
  const node = indexOf(graph).producers.get(at) ?? graph.nodes.find(({ name }) => name === at);
  if (!node) throw new GraphError('bad_cut', `the graph computes no value and has no node named ${at}`);
  const cut = node.outputs.includes(at) ? at : node.outputs[0];
  const flow = flowOf(graph);
  const above = valuesAbove(flow, cut);
  const missed = graph.outputs.find(({ name }) => !above.has(name));
  if (missed)
    throw new GraphError('bad_cut', `the output ${missed.name} is not computed from the cut ${cut}`);
  const weighted = weightedValues(graph, flow);
  const leak = leakAt(flow, cut, above, weighted);
  if (leak) {
    throw new GraphError(
      'bad_cut',
      `${cut} does not cut the model in two: ${describe(leak.node)} above it reads ${leak.value} below it`,
    );
  }

  const shape = shapes?.get(cut);
  const cutInput: ValueInfo = { name: cut, type, ...(shape ? { shape: [...shape] } : {}) };
  const trunk = removeDead(withGraph(model, { outputs: [cutInput] }));

  const constants = createConstants(graph);
  const kept: Node[] = [];
  const needed = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.includes(cut) || !node.outputs.some((name) => needed.has(name))) continue;
    const replaced = isTrap(node, above, weighted, cut)
      ? shapeFrom(node, sourcesOf(model, cut, options), constants.add)
      : [node];
    if (!replaced) {
      throw new GraphError(
        'bad_cut',
        `${describe(node)} asks for the shape of ${node.inputs[0]} below the cut ${cut}; pass the shapes of both`,
      );
    }
    for (const part of replaced.toReversed()) {
      kept.push(part);
      for (const name of readsOf(part)) needed.add(name);
    }
  }
  const top = removeDead(
    withGraph(model, {
      nodes: kept.reverse(),
      inputs: [cutInput, ...graph.inputs.filter(({ name }) => needed.has(name))],
      initializers: constants.initializers,
    }),
  );
  return { cut, trunk: onlyReadInputs(trunk), top: onlyReadInputs(askTheCut(top, cut, options)) };
}

/** Whether the node asks for the shape of something that only the trunk computes. */
function isTrap(node: Node, above: ReadonlySet<string>, weighted: ReadonlySet<string>, cut: string): boolean {
  const [value] = node.inputs;
  return node.op === 'Shape' && value !== cut && weighted.has(value) && !above.has(value);
}

/** Values whose shapes the top can ask for, with what is known of them: the cut first, then the model's inputs. */
function sourcesOf({ graph }: Model, cut: string, { shapes }: SplitOptions): ShapeSource[] {
  const known = (name: string, declared?: readonly Dim[]): ShapeSource[] => {
    const dims = shapes?.get(name) ?? declared;
    return dims ? [{ name, dims }] : [];
  };
  return [
    ...known(cut),
    ...graph.inputs.flatMap(({ name, shape }) => known(name, shape)),
    // Last, since only their own shape is wanted of them.
    ...[...(shapes ?? [])].map(([name, dims]) => ({ name, dims, askable: false })),
  ];
}

/** Takes the shapes of inputs that the top reads for nothing else from its other inputs, where theirs are known to agree. */
function askTheCut(top: Model, cut: string, options: SplitOptions): Model {
  const { graph } = top;
  const readForData = new Set<string>([cut]);
  for (const node of graph.nodes) {
    if (node.op !== 'Shape') for (const name of readsOf(node)) readForData.add(name);
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const constants = createConstants(graph);
  const sources = sourcesOf(top, cut, options).map((source) => ({
    ...source,
    askable: source.askable !== false && readForData.has(source.name),
  }));
  const nodes = graph.nodes.flatMap((node) => {
    const [value] = node.inputs;
    const replaceable = node.op === 'Shape' && inputs.has(value) && !readForData.has(value);
    return (replaceable && shapeFrom(node, sources, constants.add)) || [node];
  });
  return withGraph(top, { nodes, initializers: constants.initializers });
}

function onlyReadInputs(model: Model): Model {
  const read = new Set(model.graph.nodes.flatMap((node) => [...readsOf(node)]));
  return withGraph(model, { inputs: model.graph.inputs.filter(({ name }) => read.has(name)) });
}
