import { buildBert } from '../architectures/bert.js';
import type { BuiltEncoder } from '../architectures/encoder.js';

/** Repeatable numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

const hidden = 8;
const inner = 16;
const vocabulary = 20;

/** A BERT of two layers, two heads and eight hidden numbers, its weights random but the same every time. */
export function tinyBert(): BuiltEncoder {
  const random = randomFrom(3);
  const shapeOf = (name: string): number[] => {
    if (name.includes('word_embeddings')) return [vocabulary, hidden];
    if (name.includes('position_embeddings')) return [16, hidden];
    if (name.includes('token_type_embeddings')) return [2, hidden];
    if (name.includes('LayerNorm')) return [hidden];
    const [rows, columns] = name.includes('intermediate')
      ? [inner, hidden]
      : [hidden, name.includes('attention') ? hidden : inner];
    return name.endsWith('bias') ? [rows] : [rows, columns];
  };
  return buildBert({
    config: {
      model_type: 'bert',
      vocab_size: vocabulary,
      hidden_size: hidden,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: inner,
      max_position_embeddings: 16,
      type_vocab_size: 2,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-12,
    },
    outputs: { lastHiddenState: true },
    weights(name) {
      const shape = shapeOf(name);
      const gain = name.endsWith('LayerNorm.weight') ? 1 : 0;
      const values = Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        () => gain + (random() - 0.5),
      );
      return { dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
    },
  });
}
