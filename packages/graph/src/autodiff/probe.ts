/** Learns shapes by running the graph at two sizes: dimensions that differ are symbolic. No rule per operator. */
import { GraphError } from '../error.js';
import type { Dim, Graph, Model, Tensor } from '../ir.js';
import { numbersOf } from '../tensor.js';
import { createEmitter, int } from './emitter.js';

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
  const { graph, output } = shapeGraph(model.graph, wanted);
  const session = await open({ ...model, graph });
  try {
    const [small, large] = [await session.run(feeds[0]), await session.run(feeds[1])].map((outputs) =>
      parse(numbersOf(outputs[output])),
    );
    for (const [i, name] of wanted.entries()) shapes.set(name, merge(name, small[i], large[i]));
  } finally {
    await session.close();
  }
  return shapes;
}

/** The forward graph, with rank, dims, rank, dims … of the wanted values as its only output. */
function shapeGraph(given: Graph, wanted: string[]): { graph: Graph; output: string } {
  const graph = { ...given, nodes: [...given.nodes], initializers: new Map(given.initializers) };
  const e = createEmitter(graph, 'probe');
  const pieces = wanted.flatMap((value) => {
    const shape = e.op('Shape', [value]);
    return [e.op('Shape', [shape]), shape];
  });
  const output = e.op('Concat', pieces, { axis: int(0) });
  graph.outputs = [{ name: output, type: 'int64', shape: ['n'] }];
  return { graph, output };
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
