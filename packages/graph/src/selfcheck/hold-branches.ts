/** Makes a function with kinks smooth around a point, for finite differences. */
import { findPath } from '../autodiff/differentiate.js';
import { type Attributes, createEmitter, type Emitter, int } from '../autodiff/emitter.js';
import { castCodes } from '../builder.js';
import type { DataType, Graph, Model, Node } from '../ir.js';
import { removeDead } from '../passes/remove-dead.js';

/** A node with a kink, as it is and as it was at the start. */
interface Choice {
  node: Node;
  x: string[];
  /** The inputs and outputs at the start. */
  x0: string[];
  y0: string[];
  type: DataType;
  e: Emitter;
  /** A scalar of the node's type. */
  c(value: number): string;
  float(attribute: string, absent: number): number;
}

const where = ({ e }: Choice, condition: string, a: string, b: string) => e.op('Where', [condition, a, b]);
const asNumber = ({ e, type }: Choice, condition: string) =>
  e.op('Cast', [condition], { to: int(castCodes[type]) });

/** αx + β */
const affine = ({ e, c }: Choice, x: string, alpha: number, beta: number) =>
  e.op('Add', [e.op('Mul', [x, c(alpha)]), c(beta)]);

/** The operand that was the greatest, or least, at the start; of equal ones the first. */
const operand = (choice: Choice): string =>
  choice.x.reduceRight((rest, x, i) =>
    where(choice, choice.e.op('Equal', [choice.x0[i], choice.y0[0]]), x, rest),
  );

/** Mean over the elements that were the greatest, or least, of their group at the start. */
const elements = (choice: Choice): string => {
  const { node, x, x0, e } = choice;
  const { noop_with_empty_axes: noop } = node.attributes;
  const over = (keep: number): Attributes => ({
    keepdims: int(keep),
    ...(noop && { noop_with_empty_axes: noop }),
  });
  const [, axes] = x;
  const group = (op: string, value: string, keep: number) =>
    e.op(op, axes ? [value, axes] : [value], over(keep));
  const hit = asNumber(choice, e.op('Equal', [x0[0], group(node.op, x0[0], 1)]));
  const keep = node.attributes.keepdims?.kind === 'int' ? node.attributes.keepdims.value : 1;
  return e.op('Div', [group('ReduceSum', e.op('Mul', [x[0], hit]), keep), group('ReduceSum', hit, keep)]);
};

/** By operator: the same value while the branch is that of the start, and the branch goes on where the operator would turn. */
const held: Record<string, (choice: Choice) => string> = {
  Relu: (o) => where(o, o.e.op('Greater', [o.x0[0], o.c(0)]), o.x[0], o.c(0)),
  LeakyRelu: (o) =>
    where(o, o.e.op('Less', [o.x0[0], o.c(0)]), o.e.op('Mul', [o.x[0], o.c(o.float('alpha', 0.01))]), o.x[0]),
  Abs: (o) => where(o, o.e.op('Less', [o.x0[0], o.c(0)]), o.e.op('Neg', [o.x[0]]), o.x[0]),
  Clip: (o) => where(o, o.e.op('Equal', [o.x0[0], o.y0[0]]), o.x[0], o.y0[0]),
  HardSigmoid(o) {
    const { e, c, y0 } = o;
    const inside = e.op('And', [e.op('Greater', [y0[0], c(0)]), e.op('Less', [y0[0], c(1)])]);
    return where(o, inside, affine(o, o.x[0], o.float('alpha', 0.2), o.float('beta', 0.5)), y0[0]);
  },
  HardSwish(o) {
    const { e, c, x, x0 } = o;
    const inside = e.op('Less', [e.op('Abs', [x0[0]]), c(3)]);
    const ends = asNumber(o, e.op('Greater', [x0[0], c(0)]));
    return e.op('Mul', [x[0], where(o, inside, affine(o, x[0], 1 / 6, 0.5), ends)]);
  },
  Max: operand,
  Min: operand,
  ReduceMax: elements,
  ReduceMin: elements,
  /** The operator's second output tells where in the flat input each window's greatest stood. */
  MaxPool({ node, x, x0, e }) {
    const [, stood] = e.ops('MaxPool', [x0[0]], 2, node.attributes);
    const flat = (value: string) => e.op('Reshape', [value, e.int64s([-1])]);
    return e.op('Reshape', [e.op('Gather', [flat(x[0]), flat(stood)]), e.op('Shape', [stood])]);
  },
  GlobalMaxPool(o) {
    const { e, x, x0, y0 } = o;
    const hit = asNumber(o, e.op('Equal', [x0[0], y0[0]]));
    const mean = (value: string) => e.op('GlobalAveragePool', [value]);
    return e.op('Div', [mean(e.op('Mul', [x[0], hit])), mean(hit)]);
  },
};

/** What the start's copy of a value or node is called. */
const atStart = (name: string): string => `start/${name}`;
/** The input that holds the parameters at the start: shaped like `parameters`. */
export const startInput = atStart('parameters');

/**
 * The model with a second input for its parameters, at which every function with a kink on the way to the loss (Relu,
 * MaxPool …) chooses its branch, while it is computed from `parameters`.
 *
 * With both inputs equal the loss is that of the model, and so is its gradient; but along any way from there it bends no more,
 * so that differences over long steps measure that gradient. Without this, a convolutional network's thousands of kinks are
 * crossed by steps of any length that float32 resolves: a tiny MobileNetV2's slope was 3 % off over 10⁻⁴ and 1 % over 10⁻⁵.
 *
 * A model without kinks is answered as it is, with an input that nothing reads.
 */
export function holdBranches(model: Model): Model {
  const { nodes: path, types } = findPath(model.graph, 'loss', ['parameters']);
  const onPath = new Set(path);
  const parameters = model.graph.inputs.find(({ name }) => name === 'parameters');
  const graph: Graph = {
    ...model.graph,
    inputs: [...model.graph.inputs, ...(parameters ? [{ ...parameters, name: startInput }] : [])],
    initializers: new Map(model.graph.initializers),
  };
  const e = createEmitter(graph, 'held');
  graph.nodes = [];
  const copied = new Set(['parameters']);
  const start = (name: string) => (copied.has(name) ? atStart(name) : name);
  for (const node of model.graph.nodes) {
    const hold = onPath.has(node) ? held[node.op] : undefined;
    if (node.inputs.some((name) => copied.has(name))) {
      const [inputs, outputs] = [node.inputs.map(start), node.outputs.map((name) => name && atStart(name))];
      graph.nodes.push({ ...node, name: atStart(node.name), inputs, outputs });
      for (const name of node.outputs) copied.add(name);
    }
    if (!hold) {
      graph.nodes.push(node);
      continue;
    }
    const type = types.get(node.inputs[0]) ?? 'float32';
    const value = hold({
      ...{ node, x: node.inputs, x0: node.inputs.map(start), y0: node.outputs.map(start), type, e },
      c: (value) => e.scalar(type, value),
      float(attribute, absent) {
        const given = node.attributes[attribute];
        return given?.kind === 'float' ? given.value : absent;
      },
    });
    graph.nodes.push({
      op: 'Identity',
      name: node.name,
      inputs: [value],
      outputs: [node.outputs[0]],
      attributes: {},
    });
  }
  return removeDead({ ...model, graph });
}
