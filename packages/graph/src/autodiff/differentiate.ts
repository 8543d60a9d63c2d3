/** Reverse-mode automatic differentiation of a graph: one walk from the loss back to the parameters. */
import { GraphError } from '../error.js';
import type { Attribute, DataType, Dim, Graph, Model, Node } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';
import { numbersOf } from '../tensor.js';
import { createAlgebra } from './algebra.js';
import { createEmitter, type Emitter } from './emitter.js';
import { type Feeds, type OpenSession, probeShapes } from './probe.js';
import type { Algebra, Step } from './rule.js';
import { rules, steps } from './rules/table.js';
import { isFloating, valueTypes } from './value-types.js';

export interface Differentiation {
  /** The forward graph followed by the nodes that compute the gradients; same inputs and outputs. */
  graph: Graph;
  /** By each value of `wrt`: the value that holds ∂loss/∂value, of the same shape. */
  gradients: Map<string, string>;
  /** Forward nodes on a path from `wrt` to the loss: those that the walk visited. */
  visited: number;
  /** For emitting further nodes after the gradients. */
  emitter: Emitter;
  shapes: ReadonlyMap<string, Dim[]>;
}

/** The forward nodes between the parameters and the loss, in the graph's order. */
export interface Path {
  nodes: Node[];
  /** Values that depend on a parameter. */
  active: Set<string>;
  types: Map<string, DataType>;
}

/**
 * Finds what the walk will visit, and refuses at once if a rule is missing: `no_gradient`, naming every operator and node.
 * A value is active when it depends on a parameter through floating values and functions that are not flat, also where a subgraph
 * captures them; of those, only what the loss depends on is visited.
 */
export function findPath(graph: Graph, loss: string, wrt: string[]): Path {
  const types = valueTypes(graph);
  const active = new Set(wrt);
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    if (steps.has(node.op) || ![...readsOf(node)].some((value) => active.has(value))) continue;
    for (const output of node.outputs) if (isFloating(types.get(output))) active.add(output);
  }
  const reached = new Set<Node>();
  const queue = active.has(loss) ? [loss] : [];
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
    const node = producers.get(value);
    if (!node || reached.has(node)) continue;
    reached.add(node);
    for (const read of readsOf(node)) if (active.has(read)) queue.push(read);
  }
  const nodes = graph.nodes.filter((node) => reached.has(node));
  const missing = nodes.filter((node) => node.domain || !rules.has(node.op));
  if (missing.length > 0) {
    const named = missing
      .slice(0, 8)
      .map((node) => `${node.domain ? `${node.domain}.` : ''}${node.op} (node "${node.name}")`);
    const more = missing.length > 8 ? ` and ${missing.length - 8} more` : '';
    throw new GraphError('no_gradient', `no gradient rule for ${named.join(', ')}${more}`);
  }
  return { nodes, active, types };
}

/**
 * Appends to the model's graph the nodes that compute the gradient of `loss` towards each value of `wrt`.
 *
 * `loss` may have any shape; its elements are summed. Shapes come from running the forward graph on two `feeds` of
 * different sizes (see `probeShapes`). The model given is left as it is.
 *
 * @throws GraphError no_gradient
 */
export async function differentiate(
  model: Model,
  {
    loss,
    wrt,
    feeds,
    open,
    alsoProbe = [],
  }: { loss: string; wrt: string[]; feeds: [Feeds, Feeds]; open: OpenSession; alsoProbe?: string[] },
): Promise<Differentiation> {
  const path = findPath(model.graph, loss, wrt);
  const constants = constantsOf(model.graph);
  const touched = path.nodes
    .flatMap((node) => [...node.inputs, ...node.outputs])
    .filter((name) => name !== '');
  const shapes = await probeShapes(model, [...touched, loss, ...wrt, ...alsoProbe], feeds, open);

  const graph: Graph = {
    ...model.graph,
    nodes: model.graph.nodes.map((node) => ({ ...node })),
    initializers: new Map(model.graph.initializers),
  };
  const emitter = createEmitter(graph);
  const known = {
    shape(value: string): Dim[] {
      const shape = shapes.get(value);
      if (!shape) throw new GraphError('no_gradient', `the shape of "${value}" was not probed`);
      return shape;
    },
    type: (value: string): DataType => path.types.get(value) ?? 'float32',
  };
  const e = createAlgebra(emitter, known);

  /** What has been pulled back to each value so far, one entry for each use of it. */
  const pulled = new Map<string, string[]>();
  const pull = (value: string, gradient: string) => {
    const earlier = pulled.get(value);
    if (earlier) earlier.push(gradient);
    else pulled.set(value, [gradient]);
  };
  /** A value used several times takes the sum of what comes back from each use. */
  const gathered = (value: string): string | undefined => {
    const parts = pulled.get(value);
    if (!parts || parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : emitter.op('Sum', parts);
  };

  emitter.scope = 'grad';
  const one = emitter.scalar(known.type(loss), 1);
  pull(loss, known.shape(loss).length === 0 ? one : e.expandLike(one, loss));

  const forward = new Map(graph.nodes.map((node) => [node.name, node]));
  for (const { name } of [...path.nodes].reverse()) {
    const node = forward.get(name);
    if (!node) continue;
    emitter.scope = `grad/${node.op}`;
    const gradients = node.outputs.map((output) => gathered(output));
    if (gradients.every((gradient) => gradient === undefined)) continue;
    const step = createStep(node, gradients, { e, known, constants, graph, types: path.types });
    if (node.op !== 'Split' && gradients.some((gradient, i) => i > 0 && gradient !== undefined))
      step.fail('only its first output has a rule, and the loss depends on a further one');
    const pulls = rules.get(node.op)?.(step) ?? [];
    for (const [i, input] of node.inputs.entries()) {
      if (!path.active.has(input)) continue;
      const back = pulls[i];
      if (back === null) continue;
      if (back === undefined) return step.fail(`input ${i} depends on a parameter but carries no gradient`);
      pull(input, back());
    }
  }

  const gradients = new Map<string, string>();
  emitter.scope = 'grad';
  for (const value of wrt) {
    const gradient = gathered(value);
    if (gradient === undefined) {
      throw new GraphError('no_gradient', `the loss "${loss}" does not depend on "${value}"`);
    }
    gradients.set(value, gradient);
  }
  return { graph, gradients, visited: path.nodes.length, emitter, shapes };
}

/** Values that are the same in every run, by name: initializers and Constant nodes. */
function constantsOf(graph: Graph): (value: string) => number[] | undefined {
  const nodes = new Map(
    graph.nodes.filter(({ op }) => op === 'Constant').map((node) => [node.outputs[0], node]),
  );
  return (value) => {
    const tensor = graph.initializers.get(value);
    if (tensor) return tensor.data.byteLength <= 4096 ? numbersOf(tensor) : undefined;
    const attributes = nodes.get(value)?.attributes;
    const given: Attribute | undefined =
      attributes?.value ??
      attributes?.value_ints ??
      attributes?.value_int ??
      attributes?.value_floats ??
      attributes?.value_float;
    if (given?.kind === 'tensor') return numbersOf(given.value);
    if (given?.kind === 'int' || given?.kind === 'float') return [given.value];
    return given?.kind === 'ints' || given?.kind === 'floats' ? given.value : undefined;
  };
}

function createStep(
  node: Node,
  gs: (string | undefined)[],
  context: {
    e: Algebra;
    known: { shape(value: string): Dim[]; type(value: string): DataType };
    constants: (value: string) => number[] | undefined;
    graph: Graph;
    types: Map<string, DataType>;
  },
): Step {
  const { e, known, constants, graph, types } = context;
  const floating = node.outputs.find((output) => isFloating(types.get(output))) ?? node.outputs[0];
  return {
    node,
    x: node.inputs,
    y: node.outputs,
    g: gs[0] ?? '',
    gs,
    e,
    ...known,
    constant: constants,
    c: (value) => e.scalar(known.type(floating), value),
    output(index) {
      for (let i = node.outputs.length; i <= index; i++) node.outputs = [...node.outputs, ''];
      if (!node.outputs[index]) {
        const name = `${node.outputs[0]}/output_${index}`;
        node.outputs = node.outputs.with(index, name);
        if (graph.initializers.has(name)) throw new GraphError('duplicate_name', `"${name}" is taken`);
      }
      return node.outputs[index];
    },
    attribute: {
      int(name, absent) {
        const given = node.attributes[name];
        return given?.kind === 'int' ? given.value : absent;
      },
      float(name, absent) {
        const given = node.attributes[name];
        return given?.kind === 'float' ? given.value : absent;
      },
      text(name, absent) {
        const given = node.attributes[name];
        return given?.kind === 'string' ? given.value : absent;
      },
      ints(name) {
        const given = node.attributes[name];
        return given?.kind === 'ints' ? given.value : undefined;
      },
    },
    fail(reason) {
      throw new GraphError('no_gradient', `no gradient for ${node.op} (node "${node.name}"): ${reason}`);
    },
  };
}
