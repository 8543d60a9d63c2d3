import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../head/random.js';
import { type SafeTensor, writeSafetensors } from '../safetensors.js';

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'tea', 'rain', 'sun', 'snow', '##s'];

export const tinyConfig = {
  model_type: 'bert',
  vocab_size: words.length,
  hidden_size: 8,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 16,
  max_position_embeddings: 12,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-12,
};

const tinyTokenizer = {
  version: '1.0',
  added_tokens: [],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
  },
};

/** The weights of a BERT of that shape, random but the same each time. */
export function tinyWeights(config = tinyConfig): Map<string, SafeTensor> {
  const { hidden_size: hidden, intermediate_size: inner } = config;
  const random = createRandom(3);
  const tensors = new Map<string, SafeTensor>();
  const add = (name: string, shape: number[], value = () => random() - 0.5) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value);
    tensors.set(name, { dtype: 'F32', shape, data: new Uint8Array(values.buffer) });
  };
  const linear = (name: string, from: number, to: number) => {
    add(`${name}.weight`, [to, from]);
    add(`${name}.bias`, [to]);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [hidden], () => 1);
    add(`${name}.bias`, [hidden], () => 0);
  };
  add('embeddings.word_embeddings.weight', [config.vocab_size, hidden]);
  add('embeddings.position_embeddings.weight', [config.max_position_embeddings, hidden]);
  add('embeddings.token_type_embeddings.weight', [2, hidden]);
  norm('embeddings.LayerNorm');
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    const at = `encoder.layer.${layer}`;
    for (const part of ['query', 'key', 'value']) linear(`${at}.attention.self.${part}`, hidden, hidden);
    linear(`${at}.attention.output.dense`, hidden, hidden);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, hidden, inner);
    linear(`${at}.output.dense`, inner, hidden);
    norm(`${at}.output.LayerNorm`);
  }
  return tensors;
}

/** A Hugging Face folder of a BERT small enough to be made for each test. */
export async function writeTinyBert(
  folder: string,
  {
    config = tinyConfig,
    weights = tinyWeights(),
  }: { config?: object; weights?: Map<string, SafeTensor> } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tinyTokenizer));
  await writeFile(join(folder, 'model.safetensors'), writeSafetensors(weights));
}
