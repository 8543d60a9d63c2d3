/** Learns shapes by running the graph at two sizes: dimensions that differ are symbolic. No rule per operator. */
import { GraphError } from '../error.js';
import type { Dim, Graph, Model, Node, Tensor } from '../ir.js';
import { numbersOf } from '../tensor.js';
import { int } from './emitter.js';

/** Values by name. */
export type Feeds = Record<string, Tensor>;

/** A loaded graph; `run` answers the graph's outputs by name. */
export interface Session {
  run(feeds: Feeds): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** Loads a model into a runtime: the caller's, since this package runs nothing. */
export type OpenSession = (model: Model) => Promise<Session>;

/**
 * The shapes of the named values. The two feeds must differ in every size that may vary later (rows, tokens, users), and no two of those may
 * coincide in both, else they would pass for the same dimension.
 *
 * Instead of the values themselves, the probing graph answers one vector: the rank and dimensions of each.
 */
export async function probeShapes(
  model: Model,
  names: string[],
  feeds: [Feeds, Feeds],
  open: OpenSession,
): Promise<Map<string, Dim[]>> {
  const shapes = new Map<string, Dim[]>();
  const wanted: string[] = [];
  for (const name of new Set(names)) {
    const constant = model.graph.initializers.get(name);
    if (constant) shapes.set(name, constant.dims);
    else wanted.push(name);
  }
  if (wanted.length === 0) return shapes;
  const session = await open({ ...model, graph: shapeGraph(model.graph, wanted) });
  try {
    const [small, large] = [await session.run(feeds[0]), await session.run(feeds[1])].map((outputs) =>
      parse(numbersOf(outputs.shapes)),
    );
    for (const [i, name] of wanted.entries()) shapes.set(name, merge(name, small[i], large[i]));
  } finally {
    await session.close();
  }
  return shapes;
}

/** The forward graph, with `shapes` = rank, dims, rank, dims … of the wanted values as its only output. */
function shapeGraph(graph: Graph, wanted: string[]): Graph {
  const nodes: Node[] = [...graph.nodes];
  const pieces: string[] = [];
  const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}) => {
    nodes.push({ op, name: output, inputs, outputs: [output], attributes });
    return output;
  };
  for (const [i, value] of wanted.entries()) {
    const shape = node('Shape', [value], `probe/shape_${i}`);
    pieces.push(node('Shape', [shape], `probe/rank_${i}`), shape);
  }
  node('Concat', pieces, 'shapes', { axis: int(0) });
  return { ...graph, nodes, outputs: [{ name: 'shapes', type: 'int64', shape: ['n'] }] };
}

function parse(vector: number[]): number[][] {
  const shapes: number[][] = [];
  for (let at = 0; at < vector.length; ) {
    const rank = vector[at];
    shapes.push(vector.slice(at + 1, at + 1 + rank));
    at += 1 + rank;
  }
  return shapes;
}

function merge(name: string, small: number[], large: number[]): Dim[] {
  if (small.length !== large.length) {
    throw new GraphError('no_gradient', `the rank of "${name}" depends on the size of the inputs`);
  }
  // The pair of sizes is the symbol: equal symbols are equal dimensions.
  return small.map((size, i) => (size === large[i] ? size : `${size}|${large[i]}`));
}
