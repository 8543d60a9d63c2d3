import { GraphError } from '../error.js';
import type { Graph, Node } from '../ir.js';

/** The values visible from outside a graph. A chain of scopes rather than a copied set: subgraphs may be many. */
export interface Scope {
  has(name: string): boolean;
}

const nothing: Scope = { has: () => false };

/** Value names that a node reads from the graph it stands in: its inputs, and what its subgraphs capture. */
export function readsOf(node: Node): Set<string> {
  const reads = new Set(node.inputs.filter((name) => name !== ''));
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph') for (const name of capturedBy(attribute.value)) reads.add(name);
  }
  return reads;
}

/** Names a subgraph uses and does not define. */
function capturedBy(graph: Graph): Set<string> {
  const defined = new Set([...graph.inputs.map((input) => input.name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) defined.add(name);
  const captured = new Set<string>();
  const use = (name: string) => {
    if (!defined.has(name)) captured.add(name);
  };
  for (const node of graph.nodes) for (const name of readsOf(node)) use(name);
  for (const output of graph.outputs) use(output.name);
  return captured;
}

/**
 * Checks the names of a graph and returns its nodes in topological order; nodes already in order keep it.
 * `outer` are the values of the graphs around it.
 * Errors: `duplicate_name`, `dangling_name`, `cycle`.
 */
export function sortNodes(graph: Graph, outer: Scope = nothing): Node[] {
  const producers = producersOf(graph);
  const isGiven = (name: string) => !producers.has(name) && outer.has(name);
  const reads = new Map<Node, Set<string>>();
  for (const node of graph.nodes) {
    const names = readsOf(node);
    for (const name of names) {
      if (!producers.has(name) && !isGiven(name)) {
        throw new GraphError('dangling_name', `${describe(node)} reads ${name}, which nothing produces`);
      }
    }
    reads.set(node, names);
  }
  for (const { name } of graph.outputs) {
    if (!producers.has(name) && !isGiven(name)) {
      throw new GraphError('dangling_name', `the graph's output ${name} is produced by nothing`);
    }
  }
  return depthFirst(graph.nodes, (node) => {
    const before: Node[] = [];
    for (const name of reads.get(node)!) {
      const producer = producers.get(name);
      if (producer && producer !== 'given') before.push(producer);
    }
    return before;
  });
}

/** What produces each value; `given` for inputs and initializers. */
function producersOf(graph: Graph): Map<string, Node | 'given'> {
  const producers = new Map<string, Node | 'given'>();
  const define = (name: string, producer: Node | 'given') => {
    if (producers.has(name)) throw new GraphError('duplicate_name', `the value ${name} is produced twice`);
    producers.set(name, producer);
  };
  for (const name of graph.initializers.keys()) define(name, 'given');
  for (const { name } of graph.inputs) define(name, 'given');
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') define(name, node);
  return producers;
}

/** Nodes after all they depend on. Its own stack, since a graph may be deeper than the call stack. */
function depthFirst(nodes: readonly Node[], before: (node: Node) => Node[]): Node[] {
  const sorted: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const root of nodes) {
    if (state.has(root)) continue;
    const stack = [{ node: root, waiting: before(root) }];
    state.set(root, 'open');
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const next = top.waiting.pop();
      if (!next) {
        state.set(top.node, 'done');
        sorted.push(top.node);
        stack.pop();
      } else if (state.get(next) === 'open') {
        const cycle = stack.slice(stack.findIndex((entry) => entry.node === next)).map((entry) => entry.node);
        const names = cycle.slice(0, 4).map(describe).join(', ');
        throw new GraphError(
          'cycle',
          `nodes depend on each other in a circle: ${names}${cycle.length > 4 ? ' …' : ''}`,
        );
      } else if (!state.has(next)) {
        state.set(next, 'open');
        stack.push({ node: next, waiting: before(next) });
      }
    }
  }
  return sorted;
}

/** A node as error messages name it. */
export function describe(node: Node): string {
  return `${node.op} ${node.name}`;
}
