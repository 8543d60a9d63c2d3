/** The ground that adapters and heads stand on: a copy of the base, and the parameters of whoever owns each row. */
import { createEmitter, type Emitter, int } from '../autodiff/emitter.js';
import { castCodes } from '../builder.js';
import { GraphError } from '../error.js';
import type { DataType, Dim, Graph, Model, Node } from '../ir.js';
import { readsOf, sortNodes } from '../onnx/sort-nodes.js';
import { renameReads } from '../passes/graph-edit.js';
import type { Extent, Parameter, ParameterLayout } from './parameters.js';

/**
 * Rows are led by users (training: U users with R/U rows each, user by user) or stand alone (inference: each row names its
 * user). Either way activations become [L, tokens, features] and a user's matrix [L, in, out], so that one batched MatMul
 * gives every row its own owner's weights: L = U in training, L = R in inference.
 */
export type Lead = 'users' | 'rows';

export interface Graft {
  e: Emitter;
  lead: Lead;
  /** L as int64 vector of length 1. */
  leads: string;
  /** Declares a parameter and answers its values, [L, …shape]. */
  take(parameter: Parameter): string;
  /** [rows …, features] as [L, tokens, features]. */
  byLead(value: string, features: number): string;
  /** [rows, …] as [L, rows/L, …]. */
  rowsByLead(value: string): string;
  /** A value in the shape that `like` has at run time. */
  likeShape(value: string, like: string): string;
  /** Lets everything that read `from` read `to`, subgraphs included. */
  replace(from: string, to: string): void;
  /** The same for one node of the base. */
  replaceInput(node: Node, from: string, to: string): void;
  /** The dropout seeds, int64 [users]: an input from the first time it is asked for. */
  seed(): string;
  /** What each owner's LoRA changes are multiplied by, [L, 1, 1]: of an input of users from the first time it is asked for. */
  adapterScale(): string;
  /** What a value of the base has become. */
  current(value: string): string;
  input(name: string, type: DataType, shape: Dim[]): string;
  c(value: number): string;
  /**
   * Puts the parameters' inputs in front, declares the outputs, and drops what they do not need.
   * @param apart inference: each adapter parameter is an input of its own, float16, its rank open
   */
  finish(
    outputs: { name: string; value: string; type: DataType; shape: Dim[] }[],
    apart?: boolean,
  ): {
    model: Model;
    layout: ParameterLayout;
  };
}

export function createGraft(base: Model, lead: Lead): Graft {
  const graph: Graph = {
    ...base.graph,
    nodes: base.graph.nodes.map((node) => ({ ...node })),
    inputs: [...base.graph.inputs],
    outputs: [],
    initializers: new Map(base.graph.initializers),
  };
  const original = new Set(graph.nodes);
  const branching = new Set(
    graph.nodes.filter(({ attributes }) => Object.values(attributes).some(({ kind }) => kind === 'graph')),
  );
  const e = createEmitter(graph, 'graft');
  const renamed = new Map<string, string>();
  const taken: { parameter: Parameter; value: string }[] = [];
  const added = new Set<string>();
  const input = (name: string, type: DataType, shape: Dim[]) => {
    requireFree(graph, name);
    added.add(name);
    graph.inputs.push({ name, type, shape });
    return name;
  };
  const once = (name: string, type: DataType) => (added.has(name) ? name : input(name, type, ['users']));
  const concat = (parts: string[]) => e.op('Concat', parts, { axis: int(0) });
  const dims = (value: string, start: number, end?: number) =>
    e.op('Shape', [value], { start: int(start), ...(end === undefined ? {} : { end: int(end) }) });

  const owner =
    lead === 'users'
      ? input('parameters', 'float32', ['users', 'size'])
      : input('row_user', 'int64', ['rows']);
  const leads = dims(owner, 0, 1);

  const graft: Graft = {
    e,
    lead,
    leads,
    input,
    c: (value) => e.scalar('float32', value),
    current: (value) => renamed.get(value) ?? value,
    take(parameter) {
      const known = taken.find((entry) => entry.parameter.name === parameter.name);
      if (known && String(known.parameter.shape) !== String(parameter.shape)) {
        throw new GraphError(
          'bad_injection',
          `"${parameter.name}" is asked for as [${known.parameter.shape}] and as [${parameter.shape}]; give each layer one adapter of a kind`,
        );
      }
      if (known) return known.value;
      const value = `user/${parameter.name}`;
      taken.push({ parameter, value });
      return value;
    },
    byLead: (value, features) => e.op('Reshape', [value, concat([leads, e.int64s([-1, features])])]),
    rowsByLead(value) {
      const rows = e.op('Div', [dims(value, 0, 1), leads]);
      return e.op('Reshape', [value, concat([leads, rows, dims(value, 1)])]);
    },
    likeShape: (value, like) => e.op('Reshape', [value, e.op('Shape', [like])]),
    replace(from, to) {
      renamed.set(from, to);
      for (const node of original) {
        if (node.inputs.includes(from) || branching.has(node))
          Object.assign(
            node,
            renameReads(node, (name) => (name === from ? to : name)),
          );
      }
    },
    replaceInput(node, from, to) {
      const own = graph.nodes.find(({ name }) => name === node.name);
      if (own) own.inputs = own.inputs.map((name) => (name === from ? to : name));
    },
    seed: () => once('seed', 'int64'),
    adapterScale() {
      const own = once('adapter_scale', 'float32');
      const led = lead === 'users' ? own : e.op('Gather', [own, owner], { axis: int(0) });
      return e.op('Unsqueeze', [led, e.int64s([1, 2])]);
    },
    finish(outputs, apart = false) {
      const isFixed = ({ parameter }: (typeof taken)[number]) => !parameter.shape.includes('labels');
      const fixed = taken.filter(isFixed);
      const byLabels = taken.filter((entry) => !isFixed(entry));
      const ordered = [...fixed, ...byLabels];
      const groups = [...new Set(ordered.map(({ parameter }) => parameter.group))];
      const sizes = fixed.map(({ parameter }) =>
        parameter.shape.reduce<number>((n, size) => n * Number(size), 1),
      );
      e.scope = 'user';
      /** [L, size] to [L, …shape], under the name that was promised. */
      const shaped = (flat: string, { parameter, value }: (typeof taken)[number]) => {
        const at = parameter.shape.indexOf('labels');
        const target = concat([
          leads,
          e.int64s(parameter.shape.map((size, i) => (i === at ? -1 : Number(size)))),
        ]);
        graph.nodes.push({
          op: 'Reshape',
          name: value,
          inputs: [flat, target],
          outputs: [value],
          attributes: {},
        });
      };
      if (lead === 'users') {
        const labels = byLabels.length > 0 ? dims('targets', 1, 2) : '';
        const labelSizes = byLabels.map(({ parameter }) => {
          const width = parameter.shape.reduce<number>(
            (n, size: Extent) => (size === 'labels' ? n : n * size),
            1,
          );
          return width === 1 ? labels : e.op('Mul', [labels, e.int64s([width])]);
        });
        const all = byLabels.length > 0 ? concat([e.int64s(sizes), ...labelSizes]) : e.int64s(sizes);
        const pieces = e.ops('Split', [owner, all], ordered.length, { axis: int(1) });
        for (const [i, entry] of ordered.entries()) shaped(pieces[i], entry);
      } else {
        if (apart) {
          for (const { parameter, value } of fixed) {
            const shape = parameter.shape.map((size, axis) => (axis === parameter.rankAxis ? 'rank' : size));
            const whole = input(parameter.name, 'float16', ['users', ...shape]);
            const mine = e.op('Gather', [whole, owner], { axis: int(0) });
            const attributes = { to: int(castCodes.float32) };
            graph.nodes.push({ op: 'Cast', name: value, inputs: [mine], outputs: [value], attributes });
          }
        } else if (fixed.length > 0) {
          const flat = input('adapters', 'float32', ['users', sizes.reduce((a, b) => a + b, 0)]);
          const mine = e.op('Gather', [flat, owner], { axis: int(0) });
          const pieces = e.ops('Split', [mine, e.int64s(sizes)], fixed.length, { axis: int(1) });
          for (const [i, entry] of fixed.entries()) shaped(pieces[i], entry);
        }
        for (const { parameter, value } of byLabels) {
          const whole = input(parameter.name, 'float32', ['users', ...parameter.shape]);
          graph.nodes.push({
            op: 'Gather',
            name: value,
            inputs: [whole, owner],
            outputs: [value],
            attributes: { axis: int(0) },
          });
        }
      }
      for (const { name, value, type, shape } of outputs) {
        nameValue(graph, name, value);
        graph.outputs.push({ name, type, shape });
      }
      const layout = {
        parameters: ordered.map(({ parameter }) => parameter),
        groups,
        fixedSize: sizes.reduce((a, b) => a + b, 0),
      };
      return { model: { ...base, graph: prune(graph) }, layout };
    },
  };
  return graft;
}

/** Inputs and outputs of what is made from a base have names of their own: refuses one that the base uses for a value. */
export function requireFree(graph: Graph, name: string): void {
  const isInput = graph.inputs.some((input) => input.name === name);
  if (isInput || graph.initializers.has(name) || graph.nodes.some(({ outputs }) => outputs.includes(name)))
    throw nameTaken('value', name);
}

/** Gives a value the name of an output; the node that does has it too. */
export function nameValue(graph: Graph, name: string, value: string): void {
  requireFree(graph, name);
  if (graph.nodes.some((node) => node.name === name)) throw nameTaken('node', name);
  graph.nodes.push({ op: 'Identity', name, inputs: [value], outputs: [name], attributes: {} });
}

function nameTaken(what: string, name: string): GraphError {
  return new GraphError(
    'bad_injection',
    `the base already has a ${what} named "${name}", which the graph made from it needs; rename it in the base`,
  );
}

/** In order, without the nodes, weights and inputs that no output needs. */
export function prune(graph: Graph): Graph {
  const sorted = sortNodes(graph);
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes = sorted
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => needed.has(output))) return false;
      for (const name of readsOf(node)) needed.add(name);
      return true;
    })
    .toReversed();
  return {
    ...graph,
    nodes,
    inputs: graph.inputs.filter(({ name }) => needed.has(name)),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
  };
}
