import {
  type AttentionInput,
  buildBert,
  buildInferenceGraph,
  createEmitter,
  type ExportedEncoder,
  type Graph,
  type Model,
  type ModelConfig,
  removeDead,
  splitModel,
  type WeightSource,
} from '@scion/graph';
import { trainingBase } from '../lora/training-base.js';

/** Where the base is cut and what is read off it. */
export interface BaseLayout {
  /** Layers whose pooled outputs are the features of a head; ascending, ends with the last layer. */
  featureLayers: number[];
  /** How many upper layers take adapters. */
  topLayers: number;
}

/**
 * A linear layer of the top that takes a LoRA adapter, as the graph's inputs `{name}/lora_a` and `{name}/lora_b`. PEFT names it
 * by its module, and counts layers from 0 as well.
 */
export type AdapterSite = AttentionInput;

/** A base as graphs over the same weights, which are shared by identity. */
export interface ConvertedBase {
  /** The whole encoder, of which all below are made. */
  whole: Model;
  hidden: number;
  layers: number;
  /** `input_ids`, `attention_mask` to `hidden` and, where a feature layer is at or below the cut, `pooled`. */
  trunk: Model;
  /**
   * `hidden`, `attention_mask` to the hidden states of the feature layers above the cut, which are its outputs: what
   * training grafts onto.
   */
  top: Model;
  /** The same with adapters as inputs, pooled: see `buildInferenceGraph` with open ranks and no head. */
  serving: Model;
  /** The top with the features that a head reads: see `trainingBase`. */
  training: Model;
  sites: AdapterSite[];
}

/** What adapters bend. PEFT's own default for BERT. */
const TARGETS = ['query', 'value'] as const;
/** The value at the cut, in every graph: float32 [rows, tokens, hidden]. */
const CUT = 'hidden';

/** An encoder with all that a base is made of. */
interface Encoder {
  /** Outputs: the last hidden state, and `pooled` where a feature layer lies at or below the cut. */
  model: Model;
  hidden: number;
  hiddenStates: string[];
  sites: AdapterSite[];
}

/**
 * Builds a Hugging Face BERT and cuts it below its last `topLayers` layers. Serving and training run this trunk and a top made of this
 * one, never the whole.
 * @throws GraphError
 */
export async function convertBase(
  config: ModelConfig,
  weights: WeightSource,
  { featureLayers, topLayers }: BaseLayout,
): Promise<ConvertedBase> {
  const layers = Number(config.num_hidden_layers);
  const lower = featureLayers.filter((layer) => layer <= layers - topLayers);
  const outputs = { lastHiddenState: true, ...(lower.length > 0 && { pooledLayers: lower }) };
  const { model, sizes, hiddenStates } = buildBert({ config, weights, outputs });
  const { hidden } = sizes;
  const sites = Array.from({ length: topLayers }, (_, i) => layers - topLayers + i).flatMap((layer) =>
    TARGETS.map((target) => ({
      name: `layer.${layer}.attention.${target}`,
      module: `encoder.layer.${layer}.attention.self.${target}`,
      layer,
      target,
      inFeatures: hidden,
      outFeatures: hidden,
    })),
  );
  return cutEncoder({ model, hidden, hiddenStates, sites }, { featureLayers, topLayers });
}

/**
 * Cuts an exported encoder like one that was built here.
 * @throws GraphError
 */
export async function convertExport(encoder: ExportedEncoder, layout: BaseLayout): Promise<ConvertedBase> {
  const { layers, hidden, hiddenStates, attentionInputs } = encoder;
  const cutLayer = layers - layout.topLayers;
  const lower = layout.featureLayers.filter((layer) => layer <= cutLayer);
  return cutEncoder(
    {
      model: withPooled(
        encoder.model,
        lower.map((layer) => hiddenStates[layer]),
        hidden,
      ),
      ...{ hidden, hiddenStates },
      sites: attentionInputs.filter(({ layer }) => layer >= cutLayer),
    },
    layout,
  );
}

/** Adds the output `pooled`: the mean over unmasked tokens of each state, [batch, states, hidden]. */
function withPooled(model: Model, states: string[], hidden: number): Model {
  if (states.length === 0) return model;
  const graph: Graph = {
    ...model.graph,
    nodes: [...model.graph.nodes],
    initializers: new Map(model.graph.initializers),
  };
  const e = createEmitter(graph, 'pool');
  const int = (value: number) => ({ kind: 'int' as const, value });
  const present = e.op('Cast', ['attention_mask'], { to: int(1) });
  const row = e.op('Unsqueeze', [present, e.int64s([1])]);
  const sums = states.map((state) => e.op('MatMul', [row, state]));
  const sum = sums.length === 1 ? sums[0] : e.op('Concat', sums, { axis: int(1) });
  const count = e.op('ReduceSum', [row, e.int64s([2])], { keepdims: int(1) });
  // A row without a single token would divide by zero.
  const mean = e.op('Div', [sum, e.op('Max', [count, e.scalar('float32', 1e-9)])]);
  graph.nodes.push({ op: 'Identity', name: 'pooled', inputs: [mean], outputs: ['pooled'], attributes: {} });
  graph.outputs = [
    ...graph.outputs,
    { name: 'pooled', type: 'float32', shape: ['batch', states.length, hidden] },
  ];
  return { ...model, graph };
}

async function cutEncoder(
  encoder: Encoder,
  { featureLayers, topLayers }: BaseLayout,
): Promise<ConvertedBase> {
  const { hidden, hiddenStates, sites } = encoder;
  const layers = hiddenStates.length - 1;
  const cutLayer = layers - topLayers;
  const upper = featureLayers.filter((layer) => layer > cutLayer);
  const lower = featureLayers.filter((layer) => layer <= cutLayer);
  const states = ['batch', 'sequence', hidden];
  const model = renamed(encoder.model, hiddenStates[cutLayer], CUT);
  const { graph } = model;
  const pooled = graph.outputs.filter(({ name }) => name === 'pooled');
  const trunk = removeDead({
    ...model,
    graph: { ...graph, outputs: [{ name: CUT, type: 'float32', shape: states }, ...pooled] },
  });
  const above = upper.map((layer) => hiddenStates[layer]);
  const whole: Model = {
    ...model,
    graph: { ...graph, outputs: above.map((name) => ({ name, type: 'float32', shape: states })) },
  };
  const { top } = splitModel(removeDead(whole), CUT, { shapes: new Map([[CUT, states]]) });
  const { model: serving } = await buildInferenceGraph(
    top,
    {
      // Rank and alpha are the run's: ranks are open.
      adapters: [{ kind: 'lora', targets: sites.map(({ name }) => name).join(), rank: 1, alpha: 1 }],
      head: { kind: 'none' },
      features: above,
      pooling: 'mean',
      activation: 'none',
      ranks: 'open',
    },
    () => Promise.reject(new Error('the shapes are declared, so nothing is probed')),
  );
  const training = trainingBase(top, hidden, lower.length * hidden);
  return { whole: model, hidden, layers, trunk, top, serving, training, sites };
}

/** The model with another name for one of its values. */
function renamed(model: Model, from: string, to: string): Model {
  const rename = (name: string) => (name === from ? to : name);
  const nodes = model.graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  return { ...model, graph: { ...model.graph, nodes } };
}
