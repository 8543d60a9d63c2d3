import type { Builder, Value } from '../builder.js';
import type { Activation } from './config.js';
import type { EncoderSizes } from './sizes.js';
import type { WeightReader } from './weights.js';

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

/**
 * One post-norm transformer block (Vaswani et al. 2017, section 3, as BERT has it): attention, add, norm, feed-forward,
 * add, norm. Every linear layer is a MatMul named for its role (`layer.3.attention.query`) followed by `….biased`.
 */
export function encoderBlock(
  b: Builder,
  input: Value,
  scores: { mask: Value; relativeBias?: Value | undefined },
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
