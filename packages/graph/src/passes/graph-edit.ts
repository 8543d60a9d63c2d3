import type { Attribute, Graph, Model, Node, Tensor } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';

/** What passes look up and change. A pass takes a model and returns another; tensors and untouched nodes are shared. */

export interface Index {
  /** The node that produces a value; undefined for inputs and initializers. */
  producers: Map<string, Node>;
  /** The nodes that read a value, each once; subgraphs count for the node that holds them. */
  consumers: Map<string, Node[]>;
  /** Values that the graph gives out. */
  outputs: Set<string>;
}

export function indexOf(graph: Graph): Index {
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) producers.set(name, node);
    for (const name of readsOf(node)) {
      const readers = consumers.get(name);
      if (readers) readers.push(node);
      else consumers.set(name, [node]);
    }
  }
  return { producers, consumers, outputs: new Set(graph.outputs.map(({ name }) => name)) };
}

export function withGraph(model: Model, changes: Partial<Graph>): Model {
  return { ...model, graph: { ...model.graph, ...changes } };
}

/** Adds initializers under names that nothing in the graph or its subgraphs has. */
export function createConstants(graph: Graph): {
  add(name: string, tensor: Tensor): string;
  initializers: Map<string, Tensor>;
} {
  const initializers = new Map(graph.initializers);
  const taken = new Set<string>();
  const take = ({ nodes, inputs, initializers: constants }: Graph) => {
    for (const { name } of inputs) taken.add(name);
    for (const name of constants.keys()) taken.add(name);
    for (const node of nodes) {
      for (const name of node.outputs) taken.add(name);
      for (const attribute of Object.values(node.attributes)) {
        if (attribute.kind === 'graph') take(attribute.value);
      }
    }
  };
  take(graph);
  return {
    initializers,
    add(wanted, tensor) {
      let name = wanted;
      for (let count = 2; taken.has(name); count += 1) name = `${wanted}_${count}`;
      taken.add(name);
      initializers.set(name, tensor);
      return name;
    },
  };
}

/** The node with every value it reads renamed, those its subgraphs capture too. */
export function renameReads(node: Node, rename: (value: string) => string): Node {
  const attributes: Record<string, Attribute> = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    attributes[name] =
      attribute.kind === 'graph'
        ? { kind: 'graph', value: renameCaptured(attribute.value, rename) }
        : attribute;
  }
  return { ...node, inputs: node.inputs.map((name) => (name === '' ? '' : rename(name))), attributes };
}

function renameCaptured(graph: Graph, rename: (value: string) => string): Graph {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  const outward = (name: string) => (own.has(name) ? name : rename(name));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameReads(node, outward)),
    outputs: graph.outputs.map((output) => ({ ...output, name: outward(output.name) })),
  };
}

/** An integer attribute, or what the standard says it is when left out. */
export function intOf(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

export function intsOf(node: Node, name: string): number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}
