/** Finds the places of a frozen graph that a pattern names. */
import { GraphError } from '../error.js';
import type { Graph, Node } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';

/** A linear layer, a convolution or a normalisation with frozen weights. */
export interface Site {
  /** The node's name, or its weight's where the pattern matched that. */
  name: string;
  node: Node;
  kind: 'linear' | 'convolution' | 'norm';
  /** The value that enters. */
  input: string;
  /** The value that leaves, behind the bias where that is a node of its own. */
  output: string;
  inFeatures: number;
  outFeatures: number;
  /** Of the output, for convolutions: batch, channels and the spatial axes. */
  rank: number;
}

/** Nodes that turn one constant into another of the same elements. */
const transparent = new Set(['Identity', 'Cast', 'Transpose', 'DequantizeLinear', 'QuantizeLinear']);

/** All sites that `upTo` depends on, in the graph's order. */
export function findSites(graph: Graph, upTo: string[]): Site[] {
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of readsOf(node)) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  /** The initializer behind a value, with its dimensions as the value has them. */
  const constant = (value: string): { name: string; dims: number[] } | undefined => {
    const tensor = graph.initializers.get(value);
    if (tensor) return { name: value, dims: tensor.dims };
    const node = producers.get(value);
    if (!node || !transparent.has(node.op)) return undefined;
    const behind = constant(node.inputs[0]);
    return behind && node.op === 'Transpose' ? { ...behind, dims: behind.dims.toReversed() } : behind;
  };
  const needed = ancestors(upTo, producers);
  const sites: Site[] = [];
  for (const node of graph.nodes) {
    if (node.domain || !needed.has(node)) continue;
    const weight = constant(node.inputs[1] ?? '');
    if (!weight) continue;
    const base = {
      name: node.name,
      node,
      input: node.inputs[0],
      output: node.outputs[0],
      rank: weight.dims.length,
    };
    if (node.op === 'MatMul' && weight.dims.length === 2) {
      const [inFeatures, outFeatures] = weight.dims;
      const users = consumers.get(base.output) ?? [];
      const bias = users.length === 1 && users[0].op === 'Add' ? users[0] : undefined;
      const other = bias && constant(bias.inputs[bias.inputs[0] === base.output ? 1 : 0]);
      const output = bias && other?.dims.length === 1 ? bias.outputs[0] : base.output;
      sites.push({ ...base, kind: 'linear', output, inFeatures, outFeatures });
    } else if (node.op === 'Gemm' && !isSet(node, 'transA')) {
      const [inFeatures, outFeatures] = isSet(node, 'transB') ? weight.dims.toReversed() : weight.dims;
      sites.push({ ...base, kind: 'linear', inFeatures, outFeatures });
    } else if (node.op === 'Conv') {
      const group = node.attributes.group?.kind === 'int' ? node.attributes.group.value : 1;
      sites.push({
        ...base,
        kind: 'convolution',
        inFeatures: weight.dims[1] * group,
        outFeatures: weight.dims[0],
      });
    } else if (node.op === 'LayerNormalization' && weight.dims.length === 1) {
      sites.push({ ...base, kind: 'norm', inFeatures: weight.dims[0], outFeatures: weight.dims[0] });
    }
  }
  return sites;
}

const isSet = ({ attributes }: Node, name: string): boolean => {
  const attribute = attributes[name];
  return attribute?.kind === 'int' && attribute.value !== 0;
};

function ancestors(values: string[], producers: Map<string, Node>): Set<Node> {
  const seen = new Set<Node>();
  const queue = [...values];
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
    const node = producers.get(value);
    if (!node || seen.has(node)) continue;
    seen.add(node);
    queue.push(...readsOf(node));
  }
  return seen;
}

/**
 * The sites of one kind that a pattern names: `all`, or a list of name parts, as `query,value`, `layer.5.attention`. A part
 * matches whole segments of a name (split at `/` and `.`); `*` stands for any text within a segment. Node names are matched
 * first; weights' names only where no node matches, since exporters let equal weights share one name.
 *
 * @throws GraphError bad_injection when nothing matches.
 */
export function matchSites(sites: Site[], kinds: Site['kind'][], pattern: string): Site[] {
  const eligible = sites.filter(({ kind }) => kinds.includes(kind));
  const parts = pattern
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.includes('all') || parts.includes('all-linear')) {
    const chosen = parts.includes('all') ? eligible : eligible.filter(({ kind }) => kind === 'linear');
    if (chosen.length > 0) return chosen;
  }
  const tests = parts.map(segmentTest);
  const byNode = eligible.filter(({ name }) => tests.some((test) => test(name)));
  if (byNode.length > 0) return byNode;
  const byWeight = eligible.filter(({ node }) => tests.some((test) => test(node.inputs[1])));
  if (byWeight.length > 0) return byWeight.map((site) => ({ ...site, name: site.node.inputs[1] }));
  const examples = eligible
    .slice(0, 4)
    .map(({ name }) => `"${name}"`)
    .join(', ');
  throw new GraphError(
    'bad_injection',
    `no ${kinds.join(' or ')} layer matches "${pattern}"; there are ${eligible.length}${examples ? `, as ${examples}` : ''}`,
  );
}

function segmentTest(part: string): (name: string) => boolean {
  const wanted = part.split(/[/.]/).map((segment) => {
    const escaped = segment.split('*').map((text) => text.replace(/[\\^$+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${escaped.join('.*')}$`);
  });
  return (name) => {
    const segments = name.split(/[/.]/);
    return segments.some((_, at) =>
      wanted.every((test, i) => segments[at + i] !== undefined && test.test(segments[at + i])),
    );
  };
}
