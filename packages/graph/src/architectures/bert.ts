import type { BlockNames } from './block.js';
import { activationOf, type ModelConfig, numberOf, requireAbsolutePositions, sizeOf } from './config.js';
import { assembleEncoder, type BuiltEncoder, type EncoderSource } from './encoder.js';
import type { EncoderSizes } from './sizes.js';

/** transformers, modeling_bert.py: BertLayer. */
export const bertBlock: BlockNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

/** The sizes as BERT and those descended from it name them in config.json. */
export function bertSizes(config: ModelConfig, maxTokens: number): EncoderSizes {
  return {
    hidden: sizeOf(config, 'hidden_size'),
    heads: sizeOf(config, 'num_attention_heads'),
    layers: sizeOf(config, 'num_hidden_layers'),
    intermediate: sizeOf(config, 'intermediate_size'),
    maxTokens,
    epsilon: numberOf(config, 'layer_norm_eps', 1e-12),
    activation: activationOf(config, 'hidden_act'),
  };
}

/**
 * BERT (Devlin et al. 2018) from a Hugging Face folder's config.json and weights, named with or without `bert.`.
 * All tokens are of type 0: that embedding is folded into the position table. Half-precision weights are widened.
 * Errors: `bad_config`, `missing_weight`, `bad_weight`.
 */
export function buildBert(source: EncoderSource): BuiltEncoder {
  const { config } = source;
  requireAbsolutePositions(config);
  const positions = sizeOf(config, 'max_position_embeddings');
  return assembleEncoder(source, {
    name: 'bert',
    prefixes: ['', 'bert.'],
    sizes: bertSizes(config, positions),
    block: bertBlock,
    blocks: 'encoder.layer',
    embeddings: {
      vocabulary: sizeOf(config, 'vocab_size'),
      positions,
      tokenTypes: sizeOf(config, 'type_vocab_size'),
    },
  });
}
