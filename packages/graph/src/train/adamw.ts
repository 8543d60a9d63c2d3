/** AdamW as graph operators, for all users' flat vectors at once. */
import { type Emitter, int, ints } from '../autodiff/emitter.js';

export interface AdamW {
  beta1: number;
  beta2: number;
  epsilon: number;
}

export const defaultAdamW: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** A run of neighbouring parameters that share a learning rate and decay or do not. */
export interface Segment {
  /** Column of `learning_rate`. */
  group: number;
  decay: boolean;
  /** Its length, int64 vector of length 1. */
  size: string;
}

export interface AdamWInputs {
  /** All [users, N]. */
  parameters: string;
  gradient: string;
  firstMoment: string;
  secondMoment: string;
  /** [users, groups] */
  learningRate: string;
  /** Each [users]: 1 at a user's first step; decoupled decay; the largest norm a user's gradient may have. */
  step: string;
  weightDecay: string;
  clipNorm: string;
}

/**
 * One step (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2, as torch.optim.AdamW computes it), after clipping each user's
 * gradient by its own global norm (Pascanu et al. 2013; torch.nn.utils.clip_grad_norm_):
 *
 * g ← g·min(1, c/(‖g‖ + 10⁻⁶)); p ← p(1 − η·λ); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
 * p ← p − η/(1 − β₁ᵗ) · m/(√v/√(1 − β₂ᵗ) + ε).
 *
 * A group whose learning rate is 0 stands still: so groups thaw one after another, or each depth has a rate of its own.
 */
export function emitAdamW(
  e: Emitter,
  inputs: AdamWInputs,
  segments: Segment[],
  { beta1, beta2, epsilon }: AdamW,
) {
  e.scope = 'adamw';
  const c = (value: number) => e.scalar('float32', value);
  const op = (name: string, ...operands: string[]) => e.op(name, operands);
  const column = (perUser: string) => e.op('Unsqueeze', [perUser, e.int64s([1])]);

  // ‖g‖² as a product of a row with itself: unlike ReduceSum's, its rounding is the same for one user as for many.
  const row = e.op('Unsqueeze', [inputs.gradient, e.int64s([1])]);
  const squares = op('MatMul', row, e.op('Transpose', [row], { perm: ints([0, 2, 1]) }));
  const norm = op('Sqrt', e.op('Squeeze', [squares, e.int64s([2])]));
  const shrink = op('Min', op('Div', column(inputs.clipNorm), op('Add', norm, c(1e-6))), c(1));
  const g = op('Mul', inputs.gradient, shrink);

  // Each segment's rate, repeated over its columns.
  const one = e.int64s([1]);
  const spread = (perUser: string, size: string) =>
    e.op('Expand', [perUser, e.op('Concat', [one, size], { axis: int(0) })]);
  const rateOf = ({ group }: Segment) =>
    e.op('Gather', [inputs.learningRate, e.int64s([group])], { axis: int(1) });
  const decay = column(inputs.weightDecay);
  const join = (parts: string[]) => (parts.length === 1 ? parts[0] : e.op('Concat', parts, { axis: int(1) }));
  const rates = join(segments.map((segment) => spread(rateOf(segment), segment.size)));
  const kept = join(
    segments.map((segment) => {
      const factor = segment.decay
        ? op('Sub', c(1), op('Mul', rateOf(segment), decay))
        : op('Add', op('Mul', decay, c(0)), c(1));
      return spread(factor, segment.size);
    }),
  );

  const firstMoment = op('Add', op('Mul', inputs.firstMoment, c(beta1)), op('Mul', g, c(1 - beta1)));
  const secondMoment = op(
    'Add',
    op('Mul', inputs.secondMoment, c(beta2)),
    op('Mul', op('Mul', g, g), c(1 - beta2)),
  );
  const correction = (beta: number) => op('Sub', c(1), op('Pow', c(beta), column(inputs.step)));
  const deviation = op('Add', op('Div', op('Sqrt', secondMoment), op('Sqrt', correction(beta2))), c(epsilon));
  const stride = op('Div', rates, correction(beta1));
  const moved = op('Mul', stride, op('Div', firstMoment, deviation));
  const parameters = op('Sub', op('Mul', inputs.parameters, kept), moved);
  return { parameters, firstMoment, secondMoment, gradientNorm: e.op('Squeeze', [norm, e.int64s([1])]) };
}
