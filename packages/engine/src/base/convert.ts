import {
  type BuiltEncoder,
  buildBert,
  buildInferenceGraph,
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

/** A linear layer of the top that takes a LoRA adapter. */
export interface AdapterSite {
  /** Its name in the graph: the inputs `{name}/lora_a` and `{name}/lora_b`. */
  name: string;
  /** Its module in Hugging Face's model, as PEFT names it: `encoder.layer.4.attention.self.query`. */
  module: string;
  /** Counted from 0, as Hugging Face does. */
  layer: number;
  /** `query` or `value`. */
  target: string;
  inFeatures: number;
  outFeatures: number;
}

/** A base as graphs over the same weights, which are shared by identity. */
export interface ConvertedBase {
  encoder: BuiltEncoder;
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

/**
 * Cuts a Hugging Face BERT below its last `topLayers` layers. Serving and training run this trunk and a top made of this
 * one, never the whole.
 * @throws GraphError
 */
export async function convertBase(
  config: ModelConfig,
  weights: WeightSource,
  { featureLayers, topLayers }: BaseLayout,
): Promise<ConvertedBase> {
  const layers = Number(config.num_hidden_layers);
  const cutLayer = layers - topLayers;
  const lower = featureLayers.filter((layer) => layer <= cutLayer);
  const upper = featureLayers.filter((layer) => layer > cutLayer);
  const outputs = { lastHiddenState: true, ...(lower.length > 0 && { pooledLayers: lower }) };
  const encoder = buildBert({ config, weights, outputs });
  const { hidden } = encoder.sizes;
  const states = ['batch', 'sequence', hidden];
  const model = renamed(encoder.model, encoder.hiddenStates[cutLayer], CUT);
  const { graph } = model;
  const pooled = graph.outputs.filter(({ name }) => name === 'pooled');
  const trunk = removeDead({
    ...model,
    graph: { ...graph, outputs: [{ name: CUT, type: 'float32', shape: states }, ...pooled] },
  });
  const above = upper.map((layer) => encoder.hiddenStates[layer]);
  const whole: Model = {
    ...model,
    graph: { ...graph, outputs: above.map((name) => ({ name, type: 'float32', shape: states })) },
  };
  const { top } = splitModel(removeDead(whole), CUT, { shapes: new Map([[CUT, states]]) });
  const sites = Array.from({ length: topLayers }, (_, i) => cutLayer + i).flatMap((layer) =>
    TARGETS.map((target) => ({
      name: `layer.${layer}.attention.${target}`,
      module: `encoder.layer.${layer}.attention.self.${target}`,
      layer,
      target,
      inFeatures: hidden,
      outFeatures: hidden,
    })),
  );
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
  return { encoder: { ...encoder, model }, trunk, top, serving, training, sites };
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
