import type { BlockNames } from './block.js';
import { activationOf, sizeOf } from './config.js';
import { assembleEncoder, type BuiltEncoder, type EncoderSource } from './encoder.js';

/** transformers, modeling_distilbert.py: TransformerBlock. */
const distilbertBlock: BlockNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  attentionOutput: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  intermediate: 'ffn.lin1',
  output: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
};

/**
 * DistilBERT (Sanh et al. 2019): BERT without token types. Weights are named with or without `distilbert.`.
 * Errors: `bad_config`, `missing_weight`, `bad_weight`.
 */
export function buildDistilbert(source: EncoderSource): BuiltEncoder {
  const { config } = source;
  const positions = sizeOf(config, 'max_position_embeddings');
  return assembleEncoder(source, {
    name: 'distilbert',
    prefixes: ['', 'distilbert.'],
    sizes: {
      hidden: sizeOf(config, 'dim'),
      heads: sizeOf(config, 'n_heads'),
      layers: sizeOf(config, 'n_layers'),
      intermediate: sizeOf(config, 'hidden_dim'),
      maxTokens: positions,
      // Fixed in the model's source, not configured.
      epsilon: 1e-12,
      activation: activationOf(config, 'activation'),
    },
    block: distilbertBlock,
    blocks: 'transformer.layer',
    embeddings: { vocabulary: sizeOf(config, 'vocab_size'), positions, tokenTypes: 0 },
  });
}
