import { bertBlock, bertSizes } from './bert.js';
import { numberOf, requireAbsolutePositions, sizeOf } from './config.js';
import { assembleEncoder, type BuiltEncoder, type EncoderSource } from './encoder.js';

/**
 * RoBERTa (Liu et al. 2019) and XLM-R: BERT whose positions count real tokens from the padding id + 1, so that two rows of
 * the position table are never used by a token. Weights are named with or without `roberta.`.
 * Errors: `bad_config`, `missing_weight`, `bad_weight`.
 */
export function buildRoberta(source: EncoderSource): BuiltEncoder {
  const { config } = source;
  requireAbsolutePositions(config);
  const positions = sizeOf(config, 'max_position_embeddings');
  const paddingId = numberOf(config, 'pad_token_id', 1);
  return assembleEncoder(source, {
    name: 'roberta',
    prefixes: ['', 'roberta.'],
    sizes: bertSizes(config, positions - paddingId - 1),
    block: bertBlock,
    blocks: 'encoder.layer',
    embeddings: {
      vocabulary: sizeOf(config, 'vocab_size'),
      positions,
      tokenTypes: sizeOf(config, 'type_vocab_size'),
      paddingId,
    },
  });
}
