/** Finds in an exported encoder what is known of one that is built here: its hidden states and its attentions' inputs. */
import { GraphError } from '../error.js';
import { findSites, type Site } from '../inject/sites.js';
import type { Model, Node } from '../ir.js';
import { readsOf } from '../onnx/sort-nodes.js';
import { cutPoints, type Flow, flowOf, weightedValues } from '../passes/cut-points.js';
import { type Index, indexOf, withGraph } from '../passes/graph-edit.js';
import { removeDead } from '../passes/remove-dead.js';

/** A linear layer that an attention reads its queries or values from. */
export interface AttentionInput {
  /** The node's name in the graph from here on: `layer.4.attention.query`. */
  name: string;
  /** The module's name as the exporter wrote it, with dots: `encoder.layer.4.attention.self.query`. */
  module: string;
  /** Counted from 0. */
  layer: number;
  /** `query`, `value`, or `query_key_value` where one layer makes all three. */
  target: string;
  inFeatures: number;
  outFeatures: number;
}

/** An exported encoder: inputs `input_ids` and `attention_mask`, int64 [batch, sequence]; one output, the last hidden state. */
export interface ExportedEncoder {
  model: Model;
  hidden: number;
  layers: number;
  /** The value that carries each hidden state, embeddings first: where a trunk can be cut from a top. */
  hiddenStates: string[];
  attentionInputs: AttentionInput[];
}

/** What exporters call the hidden states of all tokens, in the order of preference. */
const outputNames = ['last_hidden_state', 'token_embeddings', 'hidden_states'];

/**
 * Reads an imported model (`importModel`) of a transformer that answers a state for every token: encoders as torch.onnx,
 * torch's dynamo exporter, optimum and sentence-transformers write them. A layer is what lies between the values that all
 * data pass through on their way from one attention to the next. All tokens are of type 0.
 *
 * Errors: `bad_config`, saying what is missing.
 */
export function readExportedEncoder(model: Model): ExportedEncoder {
  const alone = withTokensOnly(model);
  const [{ name: last, shape }] = alone.graph.outputs;
  const hidden = shape?.at(-1);
  if (typeof hidden !== 'number')
    throw refusal(`its output ${last} does not declare how many numbers a token has`);
  const index = indexOf(alone.graph);
  const flow = flowOf(alone.graph);
  const weighted = weightedValues(alone.graph, flow);
  const below = cutsBelow(flow, cutPoints(alone));
  const sites = findSites(alone.graph, [last]).filter(({ kind }) => kind === 'linear');
  const hiddenStates: string[] = [];
  const renamed = new Map<Node, string>();
  const attentionInputs: AttentionInput[] = [];

  for (const softmax of alone.graph.nodes) {
    if (softmax.op !== 'Softmax' || !weighted.has(softmax.outputs[0])) continue;
    const state = below.get(softmax.outputs[0]);
    if (state === undefined || hiddenStates.includes(state))
      throw refusal('its attentions do not follow one another');
    const layer = hiddenStates.push(state) - 1;
    const { query, value } = sourcesOf(softmax, sites, weighted, index);
    const found = query === value ? { query_key_value: query } : { query, value };
    for (const [target, site] of Object.entries(found)) {
      const name = `layer.${layer}.attention.${target}`;
      renamed.set(site.node, name);
      const { inFeatures, outFeatures } = site;
      attentionInputs.push({ name, module: moduleOf(site.name), layer, target, inFeatures, outFeatures });
    }
  }
  if (hiddenStates.length === 0) throw refusal('it holds no attention whose weights a Softmax makes');
  const nodes = alone.graph.nodes.map((node) => ({ ...node, name: renamed.get(node) ?? node.name }));
  return {
    model: withGraph(alone, { nodes }),
    hidden,
    layers: hiddenStates.length,
    hiddenStates: [...hiddenStates, last],
    attentionInputs,
  };
}

/** For each value computed from a cut: the highest of those. */
function cutsBelow(flow: Flow, cuts: string[]): Map<string, string> {
  const order = new Map(cuts.map((cut, at) => [cut, at]));
  const below = new Map<string, string>();
  for (const { node, reads } of flow) {
    let highest = -1;
    for (const name of reads)
      highest = Math.max(highest, order.get(name) ?? order.get(below.get(name) ?? '') ?? -1);
    if (highest >= 0) for (const name of node.outputs) below.set(name, cuts[highest]);
  }
  return below;
}

const refusal = (why: string) =>
  new GraphError(
    'bad_config',
    `the file is no encoder that can be read: ${why}; export the bare encoder, as optimum does for the task feature-extraction`,
  );

/** The model from ids and mask to the tokens' states alone. */
function withTokensOnly(model: Model): Model {
  const { inputs, outputs, nodes } = model.graph;
  const output =
    outputNames.flatMap((name) => outputs.find((one) => one.name === name) ?? [])[0] ??
    outputs.find(({ shape }) => shape?.length === 3);
  if (!output) throw refusal(`no output has a state for each token, among ${namesOf(outputs)}`);
  for (const needed of ['input_ids', 'attention_mask']) {
    const input = inputs.find(({ name }) => name === needed);
    if (input?.type !== 'int64') throw refusal(`it takes no ${needed} of int64, but ${namesOf(inputs)}`);
  }
  const types = inputs.some(({ name }) => name === 'token_type_ids');
  const other = inputs.find(({ name }) => !/^(input_ids|attention_mask|token_type_ids)$/.test(name));
  if (other) throw refusal(`it wants ${other.name} besides ids and mask`);
  const zeros: Node = {
    ...{ op: 'Sub', name: 'token_type_ids', attributes: {} },
    ...{ inputs: ['input_ids', 'input_ids'], outputs: ['token_type_ids'] },
  };
  return removeDead(
    withGraph(model, {
      inputs: ['input_ids', 'attention_mask'].map((name) => ({
        ...{ name, type: 'int64', shape: ['batch', 'sequence'] },
      })),
      nodes: types ? [zeros, ...nodes.map(withShapeOfIds)] : nodes,
      outputs: [output],
    }),
  );
}

/** Above a cut, where no ids come, shapes are taken from what does. */
const withShapeOfIds = (node: Node): Node =>
  node.op === 'Shape' && node.inputs[0] === 'token_type_ids' ? { ...node, inputs: ['input_ids'] } : node;

const namesOf = (values: { name: string }[]) => values.map(({ name }) => name).join(', ') || 'none';

/** Scores are the product of queries and keys, and weigh the values in the product that follows. */
function sourcesOf(
  softmax: Node,
  sites: Site[],
  weighted: ReadonlySet<string>,
  { producers, consumers }: Index,
): { query: Site; value: Site } {
  const isProduct = ({ op, inputs }: Node) =>
    op === 'MatMul' && inputs.every((name) => weighted.has(name) && producers.has(name));
  const scores = search(softmax, isProduct, ({ inputs }) =>
    inputs.flatMap((name) => (weighted.has(name) ? (producers.get(name) ?? []) : [])),
  );
  const mixed = search(softmax, isProduct, ({ outputs }) =>
    outputs.flatMap((name) => consumers.get(name) ?? []),
  );
  if (!scores || !mixed) throw refusal('a Softmax in it stands between no two products');
  const siteBehind = (name: string): Site => {
    const owned = new Map(sites.map((site) => [site.output, site]));
    const found = new Set<Site>();
    const seen = new Set<string>();
    const queue = [name];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      const site = owned.get(at);
      if (site) found.add(site);
      const node = seen.has(at) ? undefined : producers.get(at);
      seen.add(at);
      if (node && !site) queue.push(...[...readsOf(node)].filter((read) => weighted.has(read)));
    }
    const [only] = found;
    if (found.size !== 1) throw refusal('an attention reads other than one linear layer');
    return only;
  };
  const weights = leadsTo(softmax, mixed, consumers);
  const values = mixed.inputs.find((name) => !weights.has(name));
  if (values === undefined) throw refusal('an attention weighs nothing but itself');
  return { query: siteBehind(scores.inputs[0]), value: siteBehind(values) };
}

/** The nearest node that fits, going from one to the next. */
function search(from: Node, fits: (node: Node) => boolean, next: (node: Node) => Node[]): Node | undefined {
  const seen = new Set<Node>([from]);
  const queue = next(from);
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (fits(node)) return node;
    queue.push(...next(node));
  }
  return undefined;
}

/** The values computed from a node, on the way to another. */
function leadsTo(from: Node, end: Node, consumers: Index['consumers']): Set<string> {
  const values = new Set<string>();
  const queue = [from];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (node === end) continue;
    for (const name of node.outputs) {
      if (values.has(name)) continue;
      values.add(name);
      queue.push(...(consumers.get(name) ?? []));
    }
  }
  return values;
}

/** `/encoder/layer.0/attention/self/query/MatMul` and `encoder.layer.0.attention.self.query/node_MatMul_20` alike. */
const moduleOf = (name: string): string =>
  name
    .replace(/\/[^/]*$/, '')
    .replace(/^\//, '')
    .replaceAll('/', '.') || name;
