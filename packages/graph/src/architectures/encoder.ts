import type { Builder, Value } from '../builder.js';
import { GraphError } from '../error.js';
import type { Model } from '../ir.js';
import { floatScalar } from '../tensor.js';
import type { Activation } from './config.js';
import type { WeightReader } from './weights.js';

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

export interface EncoderSizes {
  hidden: number;
  heads: number;
  layers: number;
  intermediate: number;
  /** Longest input in tokens. */
  maxTokens: number;
  epsilon: number;
  activation: Activation;
}

/** An encoder as a graph: inputs `input_ids` and `attention_mask`, int64 [batch, sequence]. */
export interface BuiltEncoder {
  model: Model;
  sizes: EncoderSizes;
  /** The value that carries each hidden state, embeddings first: where a trunk can be cut from a top. */
  hiddenStates: Value[];
}

/** Where one family keeps the weights of block `i`, below its folder of blocks. */
export interface BlockNames {
  query: string;
  key: string;
  value: string;
  attentionOutput: string;
  attentionNorm: string;
  intermediate: string;
  output: string;
  outputNorm: string;
}

/** The additive mask's "never": the lowest float32, as transformers has it. Adding scores to it cannot overflow. */
const LOWEST = -3.4028234663852886e38;

/** Declares the two inputs and returns them with the additive mask, 0 or the lowest float, [batch, 1, 1, sequence]. */
export function encoderInputs(b: Builder): { ids: Value; mask: Value; weight: Value } {
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

/**
 * One post-norm transformer block (Vaswani et al. 2017, section 3, as BERT has it): attention, add, norm, feed-forward,
 * add, norm. Every linear layer is a MatMul named for its role (`layer.3.attention.query`) followed by `….biased`.
 */
export function encoderBlock(
  b: Builder,
  input: Value,
  scores: { mask: Value; relativeBias?: Value },
  {
    weights,
    names,
    prefix,
    sizes,
  }: { weights: WeightReader; names: BlockNames; prefix: string; sizes: EncoderSizes },
): Value {
  const { hidden, heads, intermediate, epsilon } = sizes;
  const headSize = hidden / heads;
  const linear = (at: Builder, role: string, x: Value, file: string, from: number, to: number) => {
    const weight = at.initializer(`${role}.weight`, weights.linear(`${prefix}.${file}.weight`, from, to));
    const bias = at.initializer(`${role}.bias`, weights.take(`${prefix}.${file}.bias`, [to]));
    return at.add(at.matmul(x, weight, role), bias, `${role}.biased`);
  };
  const norm = (at: Builder, x: Value, file: string) => {
    const gain = at.initializer('norm.gain', weights.take(`${prefix}.${file}.weight`, [hidden]));
    const bias = at.initializer('norm.bias', weights.take(`${prefix}.${file}.bias`, [hidden]));
    return at.layerNorm(x, gain, bias, epsilon, 'norm');
  };

  const attention = b.at('attention');
  const perHead = (role: string, file: string, perm: number[]) => {
    const projected = linear(attention, role, input, file, hidden, hidden);
    return attention.transpose(
      attention.reshape(projected, [0, 0, heads, headSize], `${role}.split`),
      perm,
      `${role}.heads`,
    );
  };
  const query = perHead('query', names.query, [0, 2, 1, 3]);
  const key = perHead('key', names.key, [0, 2, 3, 1]);
  const value = perHead('value', names.value, [0, 2, 1, 3]);
  let score = attention.scale(
    attention.matmul(query, key, 'scores'),
    1 / Math.sqrt(headSize),
    'scores.scaled',
  );
  if (scores.relativeBias) score = attention.add(score, scores.relativeBias, 'scores.relative');
  const probabilities = attention.softmax(
    attention.add(score, scores.mask, 'scores.masked'),
    -1,
    'probabilities',
  );
  const context = attention.reshape(
    attention.transpose(attention.matmul(probabilities, value, 'context'), [0, 2, 1, 3], 'context.tokens'),
    [0, 0, hidden],
    'context.joined',
  );
  const attended = linear(attention, 'output', context, names.attentionOutput, hidden, hidden);
  const middle = norm(attention, attention.add(attended, input, 'residual'), names.attentionNorm);

  const ffn = b.at('ffn');
  const inner = linear(ffn, 'inner', middle, names.intermediate, hidden, intermediate);
  const outer = linear(
    ffn,
    'outer',
    activate(ffn, inner, sizes.activation),
    names.output,
    intermediate,
    hidden,
  );
  return norm(ffn, ffn.add(outer, middle, 'residual'), names.outputNorm);
}

function activate(b: Builder, x: Value, activation: Activation): Value {
  if (activation === 'relu') return b.relu(x, 'activation');
  return b.gelu(x, activation === 'gelu' ? 'none' : 'tanh', 'activation');
}

/** Adds the outputs that were asked for and finishes the graph. */
export function encoderOutputs(
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

/** Errors `bad_config` when the heads do not divide the hidden size. */
export function checkSizes(sizes: EncoderSizes): EncoderSizes {
  if (sizes.hidden % sizes.heads !== 0) {
    throw new GraphError(
      'bad_config',
      `config.json: ${sizes.heads} heads do not divide the hidden size ${sizes.hidden}`,
    );
  }
  return sizes;
}
