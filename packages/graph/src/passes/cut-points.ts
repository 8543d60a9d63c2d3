import type { Graph, Model, Node } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';
import { elementCount } from '../tensor.js';

/** Operators that answer with their input's shape alone: no data pass through them. */
const shapeOnly = new Set(['Shape', 'Size']);

/** A graph's nodes with what each reads, looked up once. */
export type Flow = { node: Node; reads: string[] }[];

export function flowOf(graph: Graph): Flow {
  return graph.nodes.map((node) => ({ node, reads: [...readsOf(node)] }));
}

/**
 * The values that carry the model's data: computed from a graph input with weights on the way. Masks, positions and
 * shapes are not among them; either side of a cut may compute those for itself.
 */
export function weightedValues(graph: Graph, flow: Flow): Set<string> {
  const data = new Set(graph.inputs.map(({ name }) => name));
  const weights = new Set<string>();
  for (const [name, { type, dims }] of graph.initializers) {
    if (type.includes('float') && elementCount(dims) > 1) weights.add(name);
  }
  const weighted = new Set<string>();
  for (const { node, reads } of flow) {
    if (shapeOnly.has(node.op) || !reads.some((name) => data.has(name))) continue;
    const carries = reads.some((name) => weighted.has(name) || weights.has(name));
    for (const name of node.outputs) {
      data.add(name);
      if (carries) weighted.add(name);
    }
  }
  return weighted;
}

/** Every value computed from `value`, itself not among them. What merely depends on its shape counts too. */
export function valuesAbove(flow: Flow, value: string): Set<string> {
  const above = new Set<string>();
  for (const { node, reads } of flow) {
    if (!reads.some((name) => name === value || above.has(name))) continue;
    for (const output of node.outputs) above.add(output);
  }
  return above;
}

/** The first node above a cut that reads the model's data from below it elsewhere than at the cut. */
export function leakAt(
  flow: Flow,
  cut: string,
  above: ReadonlySet<string>,
  weighted: ReadonlySet<string>,
): { node: Node; value: string } | undefined {
  for (const { node, reads } of flow) {
    if (shapeOnly.has(node.op) || !node.outputs.some((name) => above.has(name))) continue;
    const value = reads.find((name) => name !== cut && weighted.has(name) && !above.has(name));
    if (value !== undefined) return { node, value };
  }
  return undefined;
}

/**
 * Where `splitModel` can cut, from the inputs upwards: the values that all data pass through. In a transformer these are
 * the hidden states between blocks and between their halves; values within a residual branch are not among them.
 *
 * Found from the outputs downwards. What stands above a cut reads nothing below it, so of a lower value only the way to
 * that cut is looked at: the work grows with the graph, and not with its square.
 */
export function cutPoints({ graph }: Model): string[] {
  const flow = flowOf(graph);
  const weighted = weightedValues(graph, flow);
  const outputs = graph.outputs.map(({ name }) => name);
  const cuts: string[] = [];
  /** What a cut must lead to: the next cut above, at first the outputs. */
  let goals = outputs;
  /** The nodes passed so far, the last first, without those above the lowest cut. */
  let passed: Flow = [];
  for (const entry of flow.toReversed()) {
    for (const value of entry.node.outputs.toReversed()) {
      if (!weighted.has(value) || outputs.includes(value)) continue;
      const between = passed.toReversed();
      const above = valuesAbove(between, value);
      if (!goals.every((name) => above.has(name)) || leakAt(between, value, above, weighted)) continue;
      cuts.push(value);
      goals = [value];
      passed = passed.filter(({ node }) => !node.outputs.some((name) => above.has(name)));
    }
    passed.push(entry);
  }
  return cuts.reverse();
}
