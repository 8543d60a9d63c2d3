import type { Model, Node } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';
import { withGraph } from './graph-edit.js';

/** Drops nodes and initializers that no output needs. Inputs stay: they are the model's interface. */
export function removeDead(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  // Nodes are in topological order, so from the end every reader comes before what it reads.
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  return withGraph(model, {
    nodes: kept.reverse(),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
  });
}
