import type { Builder, Value } from '../builder.js';
import { floatsOf, floatTensor, int64Scalar, int64Tensor } from '../tensor.js';
import { bertSizes } from './bert.js';
import type { BlockNames } from './block.js';
import { sizeOf } from './config.js';
import { firstRows } from './embeddings.js';
import { assembleEncoder, type BuiltEncoder, type EncoderSource } from './encoder.js';
import type { WeightReader } from './weights.js';

/** transformers, modeling_mpnet.py: MPNetLayer. */
const mpnetBlock: BlockNames = {
  query: 'attention.attn.q',
  key: 'attention.attn.k',
  value: 'attention.attn.v',
  attentionOutput: 'attention.attn.o',
  attentionNorm: 'attention.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

/** modeling_mpnet.py, MPNetEmbeddings: fixed, whatever the tokenizer pads with. */
const PADDING_ID = 1;

/**
 * MPNet (Song et al. 2020): BERT with a bias on attention scores that depends on the distance of two tokens, shared by all
 * layers, and no token types. Weights are named with or without `mpnet.`.
 * Errors: `bad_config`, `missing_weight`, `bad_weight`.
 */
export function buildMpnet(source: EncoderSource): BuiltEncoder {
  const { config } = source;
  const positions = sizeOf(config, 'max_position_embeddings');
  const sizes = bertSizes(config, positions - PADDING_ID - 1);
  const buckets = sizeOf(config, 'relative_attention_num_buckets');
  return assembleEncoder(source, {
    name: 'mpnet',
    prefixes: ['', 'mpnet.'],
    sizes,
    block: mpnetBlock,
    blocks: 'encoder.layer',
    embeddings: {
      vocabulary: sizeOf(config, 'vocab_size'),
      positions,
      tokenTypes: 0,
      paddingId: PADDING_ID,
    },
    relativeBias: (b, ids, weights) => relativeBias(b, ids, weights, { ...sizes, buckets }),
  });
}

interface BiasSizes {
  heads: number;
  buckets: number;
  maxTokens: number;
}

/**
 * The bias [heads, sequence, sequence]. It depends on key − query alone, so a table over every such distance is made once
 * here, and the graph looks distances up.
 */
function relativeBias(
  b: Builder,
  ids: Value,
  weights: WeightReader,
  { heads, buckets, maxTokens }: BiasSizes,
): Value {
  const byBucket = floatsOf(weights.take('encoder.relative_attention_bias.weight', [buckets, heads]));
  const distances = 2 * maxTokens - 1;
  const table = new Float32Array(heads * distances);
  for (let index = 0; index < distances; index += 1) {
    const bucket = relativeBucket(index - (maxTokens - 1), buckets);
    for (let head = 0; head < heads; head += 1)
      table[head * distances + index] = byBucket[bucket * heads + head];
  }
  const places = b.initializer('places', int64Tensor(Array.from({ length: maxTokens }, (_, place) => place)));
  const place = firstRows(b, places, ids, 'place');
  const distance = b.sub(b.unsqueeze(place, [0], 'key'), b.unsqueeze(place, [1], 'query'), 'distance');
  const zero = b.initializer('zero', int64Scalar(maxTokens - 1));
  return b.gather(
    b.initializer('table', floatTensor(table, [heads, distances])),
    b.add(distance, zero, 'index'),
    1,
    'bias',
  );
}

const MAX_DISTANCE = 128;

/**
 * T5's buckets (Raffel et al. 2019; modeling_mpnet.py: relative_position_bucket): half for each direction; within a
 * half, one a distance for the near ones, logarithmic to 128 for the far ones. `distance` is key − query. The steps round
 * to float32 as PyTorch's do, since a distance on a boundary falls on one side or the other by it.
 */
export function relativeBucket(distance: number, buckets: number): number {
  const half = Math.floor(buckets / 2);
  const near = Math.floor(half / 2);
  const side = distance > 0 ? half : 0;
  const away = Math.abs(distance);
  if (away < near) return side + away;
  const log = Math.fround(Math.log(Math.fround(away / near)));
  const scaled = Math.fround(Math.fround(log / Math.fround(Math.log(MAX_DISTANCE / near))) * (half - near));
  return side + Math.min(near + Math.trunc(scaled), half - 1);
}
