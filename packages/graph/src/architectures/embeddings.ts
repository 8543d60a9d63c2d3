import type { Builder, Value } from '../builder.js';
import { floatsOf, floatTensor, int64Scalar, int64Tensor } from '../tensor.js';
import type { EncoderSizes } from './sizes.js';
import type { WeightReader } from './weights.js';

/** How a family turns tokens into its first hidden state. */
export interface EmbeddingLayout {
  vocabulary: number;
  /** Rows of the position table. */
  positions: number;
  /** Token types; all tokens are of type 0. Zero where the family has none. */
  tokenTypes: number;
  /**
   * Counted from 0 by place in the row; or, with a padding id, from that id + 1 over tokens that are not padding
   * (modeling_roberta.py: create_position_ids_from_input_ids).
   */
  paddingId?: number;
}

/** Word, position and token-type embeddings, added and normalised: [batch, sequence, hidden]. */
export function embeddings(
  b: Builder,
  ids: Value,
  { weights, sizes, layout }: { weights: WeightReader; sizes: EncoderSizes; layout: EmbeddingLayout },
): Value {
  const { hidden } = sizes;
  const words = b.initializer(
    'word.table',
    weights.take('embeddings.word_embeddings.weight', [layout.vocabulary, hidden]),
  );
  const table = b.initializer('position.table', positionTable(weights, layout, hidden));
  const position =
    layout.paddingId === undefined
      ? firstRows(b, table, ids, 'position')
      : b.gather(table, positionsAfter(b, ids, layout.paddingId), 0, 'position');
  const sum = b.add(b.gather(words, ids, 0, 'word'), position, 'sum');
  const gain = b.initializer('norm.gain', weights.take('embeddings.LayerNorm.weight', [hidden]));
  const bias = b.initializer('norm.bias', weights.take('embeddings.LayerNorm.bias', [hidden]));
  return b.layerNorm(sum, gain, bias, sizes.epsilon, 'norm');
}

/** As many rows of `table` as the input has tokens. */
export function firstRows(b: Builder, table: Value, ids: Value, name: string): Value {
  const start = b.shared('constant.start', () => int64Tensor([0]));
  return b.slice(table, start, b.shape(ids, 1, 2, 'sequence'), [0], name);
}

/** Position ids that count real tokens from `padding` + 1 and stay at `padding` on padding. */
function positionsAfter(b: Builder, ids: Value, padding: number): Value {
  const paddingId = b.shared('constant.padding', () => int64Scalar(padding));
  const real = b.cast(
    b.node('Not', [b.node('Equal', [ids, paddingId], { name: 'isPadding' })]),
    'int64',
    'real',
  );
  const axis = b.shared('constant.sequence_axis', () => int64Scalar(1));
  const count = b.node('CumSum', [real, axis], { name: 'count' });
  return b.add(b.mul(count, real), paddingId, 'position.ids');
}

/** Position embeddings, each with the embedding of token type 0 added where there is one. */
function positionTable(weights: WeightReader, { positions, tokenTypes }: EmbeddingLayout, hidden: number) {
  const tensor = weights.take('embeddings.position_embeddings.weight', [positions, hidden]);
  if (tokenTypes === 0) return tensor;
  const table = Float32Array.from(floatsOf(tensor));
  const type = floatsOf(weights.take('embeddings.token_type_embeddings.weight', [tokenTypes, hidden]));
  for (let index = 0; index < table.length; index += 1) table[index] += type[index % hidden];
  return floatTensor(table, [positions, hidden]);
}
