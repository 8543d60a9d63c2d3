import type { Model, Node } from '../ir.js';
import { withGraph } from './graph-edit.js';
import { removeDead } from './remove-dead.js';

/** A model in two: what only an input and weights decide, and all else. */
export interface TakenProducts {
  /** The model, to which each product is an input of its own, after those it had. */
  model: Model;
  /** From the input to the products, in their order: its outputs, of the same names. */
  products: Model;
  /** The last dimension of each. */
  widths: { name: string; width: number }[];
}

/**
 * Takes the products of an input [rows, tokens, features] with weights out of a model. Where rows come again and again, as in
 * training, whoever runs the model may keep what was computed of each.
 */
export function takeOutProducts(model: Model, input: string): TakenProducts {
  const { graph } = model;
  const weightOf = ({ op, domain, inputs: [left, right] }: Node) => {
    const weight = op === 'MatMul' && !domain && left === input ? graph.initializers.get(right) : undefined;
    return weight?.dims.length === 2 ? weight : undefined;
  };
  const own = new Set(graph.outputs.map(({ name }) => name));
  const taken = graph.nodes.filter((node) => weightOf(node) && !own.has(node.outputs[0]));
  const given = graph.inputs.find(({ name }) => name === input);
  const values = taken.map((node) => {
    const { type, dims } = weightOf(node)!;
    const [rows, tokens] = given?.shape ?? [];
    return { name: node.outputs[0], type, shape: [rows ?? 'rows', tokens ?? 'tokens', dims[1]] };
  });
  return {
    model: removeDead(
      withGraph(model, {
        nodes: graph.nodes.filter((node) => !taken.includes(node)),
        inputs: [...graph.inputs, ...values],
      }),
    ),
    products: removeDead(withGraph(model, { nodes: taken, inputs: given ? [given] : [], outputs: values })),
    widths: values.map(({ name, shape }) => ({ name, width: Number(shape[2]) })),
  };
}
