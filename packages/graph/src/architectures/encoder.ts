import { type Builder, createBuilder, type Value } from '../builder.js';
import { GraphError } from '../error.js';
import type { Model } from '../ir.js';
import { floatScalar } from '../tensor.js';
import { type BlockNames, encoderBlock } from './block.js';
import type { ModelConfig } from './config.js';
import { type EmbeddingLayout, embeddings } from './embeddings.js';
import type { EncoderSizes } from './sizes.js';
import { createWeightReader, type WeightReader, type WeightSource } from './weights.js';

/** A model folder, read, and what is wanted of it. */
export interface EncoderSource {
  config: ModelConfig;
  weights: WeightSource;
  outputs: EncoderOutputs;
}

/** What an encoder gives out. At least one of the two. */
export interface EncoderOutputs {
  /** `last_hidden_state`: float32 [batch, sequence, hidden]. */
  lastHiddenState?: boolean;
  /**
   * `pooled`: float32 [batch, layers.length, hidden], the mean over unmasked tokens of each named layer's output, in
   * the order given. Layer 0 is the embeddings, layer n the output of the n-th block.
   */
  pooledLayers?: readonly number[];
}

/** An encoder as a graph: inputs `input_ids` and `attention_mask`, int64 [batch, sequence]. */
export interface BuiltEncoder {
  model: Model;
  sizes: EncoderSizes;
  /** The value that carries each hidden state, embeddings first: where a trunk can be cut from a top. */
  hiddenStates: Value[];
}

/** What sets one family of post-norm encoders apart from the others. */
export interface EncoderFamily {
  name: string;
  /** What may stand before every weight's name. */
  prefixes: readonly string[];
  sizes: EncoderSizes;
  block: BlockNames;
  /** The folder of the blocks' weights: `encoder.layer` holds `encoder.layer.0.…`. */
  blocks: string;
  embeddings: EmbeddingLayout;
  /** A bias on all attention scores, broadcast to [batch, heads, sequence, sequence]. */
  relativeBias?(b: Builder, ids: Value, weights: WeightReader): Value;
}

/** Puts an encoder together: inputs, embeddings, blocks, outputs. */
export function assembleEncoder(
  { weights: source, outputs }: EncoderSource,
  family: EncoderFamily,
): BuiltEncoder {
  const { sizes } = family;
  checkSizes(sizes);
  const weights = createWeightReader(source, family.prefixes);
  const b = createBuilder({ name: family.name });
  const { ids, mask, weight } = encoderInputs(b);
  const hiddenStates = [embeddings(b.at('embeddings'), ids, { weights, sizes, layout: family.embeddings })];
  const relativeBias = family.relativeBias?.(b.at('relative'), ids, weights);
  for (let layer = 0; layer < sizes.layers; layer += 1) {
    hiddenStates.push(
      encoderBlock(
        b.at(`layer.${layer}`),
        hiddenStates[layer],
        { mask, relativeBias },
        { weights, names: family.block, prefix: `${family.blocks}.${layer}`, sizes },
      ),
    );
  }
  return encoderOutputs(b, hiddenStates, weight, outputs, sizes);
}

function checkSizes({ hidden, heads, maxTokens }: EncoderSizes): void {
  if (hidden % heads !== 0) {
    throw new GraphError('bad_config', `config.json: ${heads} heads do not divide the hidden size ${hidden}`);
  }
  if (maxTokens < 1)
    throw new GraphError('bad_config', 'config.json: max_position_embeddings leaves no token a place');
}

/** The additive mask's "never": the lowest float32, as transformers has it. Adding scores to it cannot overflow. */
const LOWEST = -3.4028234663852886e38;

/** Declares the two inputs and returns them with the additive mask, 0 or the lowest float, [batch, 1, 1, sequence]. */
function encoderInputs(b: Builder): { ids: Value; mask: Value; weight: Value } {
  const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
  const attentionMask = b.input('attention_mask', 'int64', ['batch', 'sequence']);
  const at = b.at('mask');
  const weight = at.cast(attentionMask, 'float32', 'weight');
  const absent = at.sub(
    b.shared('constant.one', () => floatScalar(1)),
    weight,
    'absent',
  );
  const mask = at.unsqueeze(at.scale(absent, LOWEST, 'additive'), [1, 2], 'broadcast');
  return { ids, mask, weight };
}

/** Adds the outputs that were asked for and finishes the graph. */
function encoderOutputs(
  b: Builder,
  hiddenStates: Value[],
  weight: Value,
  outputs: EncoderOutputs,
  sizes: EncoderSizes,
): BuiltEncoder {
  const { hidden } = sizes;
  if (!outputs.lastHiddenState && !outputs.pooledLayers?.length) {
    throw new GraphError('bad_config', 'outputs: ask for lastHiddenState, pooledLayers or both');
  }
  if (outputs.lastHiddenState) {
    const last = hiddenStates[hiddenStates.length - 1];
    b.output(last, 'float32', ['batch', 'sequence', hidden], 'last_hidden_state');
  }
  if (outputs.pooledLayers?.length) {
    const pool = b.at('pool');
    const row = pool.unsqueeze(weight, [1], 'weight');
    const sums = outputs.pooledLayers.map((layer) => {
      const state = Number.isInteger(layer) ? hiddenStates[layer] : undefined;
      if (state === undefined) {
        throw new GraphError(
          'bad_config',
          `pooledLayers: ${layer} is not a layer, 0 to ${hiddenStates.length - 1}`,
        );
      }
      return pool.matmul(row, state, `sum.${layer}`);
    });
    const sum = sums.length === 1 ? sums[0] : pool.concat(sums, 1, 'sums');
    // A row without a single token would divide by zero; sentence-transformers clamps its count the same way.
    const floor = b.shared('constant.count_floor', () => floatScalar(1e-9));
    const count = pool.max(pool.reduceSum(row, [2], true, 'tokens'), floor, 'count');
    const mean = pool.div(sum, count, 'mean');
    b.output(mean, 'float32', ['batch', outputs.pooledLayers.length, hidden], 'pooled');
  }
  return { model: b.build(), sizes, hiddenStates };
}
