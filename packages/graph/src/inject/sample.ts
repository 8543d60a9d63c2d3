/** Small inputs that a base accepts, for probing its shapes and checking its gradient. */
import { encode } from '../autodiff/emitter.js';
import type { Feeds } from '../autodiff/probe.js';
import type { Graph, Tensor } from '../ir.js';

export interface SampleSizes {
  rows: number;
  tokens: number;
}

/**
 * Inputs for a graph: a first symbolic dimension is rows, any other is tokens. Whole numbers that index a table run through
 * its entries, all others are 1 (masks); floats are small waves, different in every row.
 */
export function sampleInputs(graph: Graph, { rows, tokens }: SampleSizes): Feeds {
  const feeds: Feeds = {};
  for (const { name, type, shape = ['rows'] } of graph.inputs) {
    const dims = shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? rows : tokens));
    const count = dims.reduce((a, b) => a * b, 1);
    const table = graph.nodes.find(({ op, inputs }) => op === 'Gather' && inputs[1] === name);
    const entries = table && graph.initializers.get(table.inputs[0])?.dims[0];
    const value = (i: number): number => {
      if (type === 'float32' || type === 'float64') return Math.sin(1.7 * i + 0.3);
      return entries === undefined ? 1 : (i * 7 + 3) % entries;
    };
    const tensor: Tensor = {
      type,
      dims,
      data: encode(
        type,
        Array.from({ length: count }, (_, i) => value(i)),
      ),
    };
    feeds[name] = tensor;
  }
  return feeds;
}
