import { createBuilder } from '../builder.js';
import { GraphError } from '../error.js';
import { floatsOf, floatTensor, int64Tensor } from '../tensor.js';
import { activationOf, type ModelConfig, numberOf, sizeOf } from './config.js';
import {
  type BlockNames,
  type BuiltEncoder,
  checkSizes,
  type EncoderOutputs,
  type EncoderSizes,
  encoderBlock,
  encoderInputs,
  encoderOutputs,
} from './encoder.js';
import { createWeightReader, type WeightReader, type WeightSource } from './weights.js';

export interface EncoderSource {
  config: ModelConfig;
  weights: WeightSource;
  outputs: EncoderOutputs;
}

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
  const positions = config.position_embedding_type ?? 'absolute';
  if (positions !== 'absolute') {
    throw new GraphError('bad_config', 'config.json: position_embedding_type must be absolute');
  }
  return checkSizes({
    hidden: sizeOf(config, 'hidden_size'),
    heads: sizeOf(config, 'num_attention_heads'),
    layers: sizeOf(config, 'num_hidden_layers'),
    intermediate: sizeOf(config, 'intermediate_size'),
    maxTokens,
    epsilon: numberOf(config, 'layer_norm_eps', 1e-12),
    activation: activationOf(config, 'hidden_act'),
  });
}

/**
 * BERT (Devlin et al. 2018) from a Hugging Face folder's config.json and weights, named with or without `bert.`.
 * All tokens are of type 0: that embedding is folded into the position table. Half-precision weights are widened.
 * Errors: `bad_config`, `missing_weight`, `bad_weight`.
 */
export function buildBert({ config, weights: source, outputs }: EncoderSource): BuiltEncoder {
  const weights = createWeightReader(source, ['', 'bert.']);
  const sizes = bertSizes(config, sizeOf(config, 'max_position_embeddings'));
  const { hidden, maxTokens } = sizes;
  const b = createBuilder({ name: 'bert' });
  const { ids, mask, weight } = encoderInputs(b);

  const at = b.at('embeddings');
  const words = at.initializer(
    'word.table',
    weights.take('embeddings.word_embeddings.weight', [sizeOf(config, 'vocab_size'), hidden]),
  );
  const positions = at.initializer(
    'position.table',
    positionTable(weights, maxTokens, hidden, sizeOf(config, 'type_vocab_size')),
  );
  const position = at.slice(
    positions,
    b.shared('constant.start', () => int64Tensor([0])),
    at.shape(ids, 1, 2, 'sequence'),
    [0],
    'position',
  );
  const sum = at.add(at.gather(words, ids, 0, 'word'), position, 'sum');
  const gain = at.initializer('norm.gain', weights.take('embeddings.LayerNorm.weight', [hidden]));
  const bias = at.initializer('norm.bias', weights.take('embeddings.LayerNorm.bias', [hidden]));
  const hiddenStates = [at.layerNorm(sum, gain, bias, sizes.epsilon, 'norm')];

  for (let layer = 0; layer < sizes.layers; layer += 1) {
    hiddenStates.push(
      encoderBlock(
        b.at(`layer.${layer}`),
        hiddenStates[layer],
        { mask },
        {
          weights,
          names: bertBlock,
          prefix: `encoder.layer.${layer}`,
          sizes,
        },
      ),
    );
  }
  return encoderOutputs(b, hiddenStates, weight, outputs, sizes);
}

/** Position embeddings, each with the embedding of token type 0 added. */
function positionTable(weights: WeightReader, positions: number, hidden: number, types: number) {
  const table = floatsOf(weights.take('embeddings.position_embeddings.weight', [positions, hidden])).slice();
  const type = floatsOf(weights.take('embeddings.token_type_embeddings.weight', [types, hidden]));
  for (let index = 0; index < table.length; index += 1) table[index] += type[index % hidden];
  return floatTensor(table, [positions, hidden]);
}
