/** The per-user output layer. */
import { ints } from '../autodiff/emitter.js';
import type { GroupOf } from './adapters.js';
import type { Graft } from './graft.js';

/** `linear`: Wx + b. `mlp`: one hidden layer before it. `none`: the loss works on the pooled features themselves. */
export type Head =
  | { kind: 'linear' }
  | { kind: 'mlp'; hidden: number; activation: 'tanh' | 'relu' | 'gelu' }
  | { kind: 'none' };

const activations = { tanh: 'Tanh', relu: 'Relu', gelu: 'Gelu' } as const;

/** Pooled features [L, rows, features] to scores [L, rows, labels]; W is [labels, features], so that a label is a row of it. */
export function graftHead(
  graft: Graft,
  features: string,
  width: number,
  head: Head,
  groupOf: GroupOf,
): string {
  const { e, take } = graft;
  if (head.kind === 'none') return features;
  let x = features;
  let size = width;
  e.scope = 'head';
  if (head.kind === 'mlp') {
    const weight = take({
      name: 'head/hidden_weight',
      shape: [width, head.hidden],
      group: groupOf('head/hidden_weight'),
      decay: true,
      initial: { kind: 'uniform', bound: 1 / Math.sqrt(width) },
    });
    const bias = take({
      name: 'head/hidden_bias',
      shape: [1, head.hidden],
      group: groupOf('head/hidden_bias'),
      decay: false,
      initial: { kind: 'zeros' },
    });
    x = e.op(activations[head.activation], [e.op('Add', [e.op('MatMul', [x, weight]), bias])]);
    size = head.hidden;
  }
  const weight = take({
    name: 'head/weight',
    shape: ['labels', size],
    group: groupOf('head/weight'),
    decay: true,
    initial: { kind: 'zeros' },
  });
  const bias = take({
    name: 'head/bias',
    shape: ['labels'],
    group: groupOf('head/bias'),
    decay: false,
    initial: { kind: 'zeros' },
  });
  const columns = e.op('Transpose', [weight], { perm: ints([0, 2, 1]) });
  return e.op('Add', [e.op('MatMul', [x, columns]), e.op('Unsqueeze', [bias, e.int64s([1])])]);
}
