/**
 * Losses, each a value [users]: users share a run, never a loss. All take scores [U, B, C] (C: the most labels any user of the run
 * has), `targets` [U·B, C] and `row_weights` [U·B]; a row of weight 0 is padding.
 */

import { int } from '../autodiff/emitter.js';
import { rowSums } from '../autodiff/sums.js';
import { castCodes } from '../builder.js';
import type { Graft } from '../inject/graft.js';

export type Loss =
  /**
   * Softmax cross-entropy. `targets` are probabilities (one-hot for hard labels); inputs `label_counts` int64 [users] tells how many labels
   * each user has, `label_smoothing` [users] the share of the target spread evenly over them. `classWeights` adds the input
   * `class_weights` [users, labels]. With hard labels equal to torch's `cross_entropy(…, reduction="mean")`.
   */
  | { kind: 'softmax'; classWeights?: boolean }
  /** Sigmoid cross-entropy of every label alone, for rows with several labels or none; mean over the user's labels. */
  | { kind: 'sigmoid'; classWeights?: boolean }
  /** (score − target)², mean over targets. */
  | { kind: 'squared' }
  /** Huber 1964: d²/2 up to δ, δ(|d| − δ/2) beyond. */
  | { kind: 'huber'; delta: number }
  /** Khosla et al. 2020 (arXiv 2004.11362, L_out) on the head's output as embedding; `targets` one-hot. */
  | { kind: 'contrastive'; temperature: number };

/** What every loss reads. */
export interface LossInputs {
  /** [U, B, C], or for `contrastive` embeddings [U, B, F]. */
  scores: string;
  /** [U, B, C] */
  targets: string;
  /** [U, B] */
  weights: string;
}

/** The loss of each user, [users]. */
export function graftLoss(graft: Graft, loss: Loss, inputs: LossInputs): string {
  graft.e.scope = `loss/${loss.kind}`;
  switch (loss.kind) {
    case 'softmax':
      return softmaxCrossEntropy(graft, inputs, loss.classWeights ?? false);
    case 'sigmoid':
      return sigmoidCrossEntropy(graft, inputs, loss.classWeights ?? false);
    case 'squared':
    case 'huber':
      return regression(graft, inputs, loss.kind === 'huber' ? loss.delta : undefined);
    case 'contrastive':
      return contrastive(graft, inputs, loss.temperature);
  }
}

/** Far below any score, far from overflow: its exponential is exactly 0. */
export const MASKED_SCORE = -1e9;

/** [owners, 1, C] bool: which of the run's labels each owner has, from the `label_counts` of each. */
export function labelMask({ e }: Graft, counts: string, scores: string): string {
  const labels = e.op('Squeeze', [e.op('Shape', [scores], { start: int(2), end: int(3) })]);
  const range = e.op('Range', [e.constant('int64', [], [0]), labels, e.constant('int64', [], [1])]);
  return e.op('Less', [range, e.op('Unsqueeze', [counts, e.int64s([1, 2])])]);
}

function floats({ e }: Graft, value: string): string {
  return e.op('Cast', [value], { to: int(castCodes.float32) });
}

/** [users] as [users, 1, 1]. */
const perUser = ({ e }: Graft, value: string) => e.op('Unsqueeze', [value, e.int64s([1, 2])]);

function classWeights(graft: Graft, wanted: boolean): string | undefined {
  if (!wanted) return undefined;
  return graft.e.op('Unsqueeze', [
    graft.input('class_weights', 'float32', ['users', 'labels']),
    graft.e.int64s([1]),
  ]);
}

/** [U, B, C] to [U, B]: Σ over labels. */
const sumLabels = ({ e }: Graft, value: string) => e.op('Squeeze', [rowSums(e, value), e.int64s([2])]);

/** [U, …] to [U]: Σ over all that is of a user. */
function sumAll({ e }: Graft, value: string): string {
  const row = e.op('Reshape', [value, e.int64s([0, 1, -1])]);
  return e.op('Squeeze', [rowSums(e, row), e.int64s([1, 2])]);
}

/** Σ_b w·ℓ / Σ_b w·n; a user whose rows all weigh nothing has loss 0. */
function weighted(graft: Graft, rows: string, weights: string, share: string = weights): string {
  const total = graft.e.op('Max', [sumAll(graft, share), graft.c(1e-12)]);
  return graft.e.op('Div', [sumAll(graft, graft.e.op('Mul', [rows, weights])), total]);
}

/**
 * ℓ = −Σ_c w_c q_c log softmax(scores)_c with q = (1 − ε)t + ε/n over the user's n labels. The mean weighs each row by the class weight of
 * its target, Σ_c w_c t_c, as torch does.
 */
function softmaxCrossEntropy(
  graft: Graft,
  { scores, targets, weights }: LossInputs,
  withClassWeights: boolean,
): string {
  const { e, c } = graft;
  const counts = graft.input('label_counts', 'int64', ['users']);
  const smoothing = perUser(graft, graft.input('label_smoothing', 'float32', ['users']));
  const mask = labelMask(graft, counts, scores);
  const logarithms = e.op('LogSoftmax', [e.op('Where', [mask, scores, c(MASKED_SCORE)])], { axis: int(-1) });
  const even = e.op('Div', [
    e.op('Mul', [floats(graft, mask), smoothing]),
    floats(graft, perUser(graft, counts)),
  ]);
  const smooth = e.op('Add', [e.op('Mul', [targets, e.op('Sub', [c(1), smoothing])]), even]);
  const byClass = classWeights(graft, withClassWeights);
  const expected = byClass ? e.op('Mul', [smooth, byClass]) : smooth;
  const rows = e.op('Neg', [sumLabels(graft, e.op('Mul', [expected, logarithms]))]);
  const share = sumLabels(graft, byClass ? e.op('Mul', [targets, byClass]) : targets);
  return weighted(graft, rows, weights, e.op('Mul', [share, weights]));
}

/** ℓ_c = ln(1 + e^s) − s·t for score s, which is −t ln σ(s) − (1 − t) ln(1 − σ(s)). */
function sigmoidCrossEntropy(
  graft: Graft,
  { scores, targets, weights }: LossInputs,
  withClassWeights: boolean,
): string {
  const { e, c } = graft;
  const counts = graft.input('label_counts', 'int64', ['users']);
  const smoothing = perUser(graft, graft.input('label_smoothing', 'float32', ['users']));
  const soft = e.op('Add', [
    e.op('Mul', [targets, e.op('Sub', [c(1), smoothing])]),
    e.op('Mul', [smoothing, c(0.5)]),
  ]);
  const labels = e.op('Sub', [e.op('Softplus', [scores]), e.op('Mul', [scores, soft])]);
  const byClass = classWeights(graft, withClassWeights);
  const own = floats(graft, labelMask(graft, counts, scores));
  const counted = e.op('Mul', [labels, byClass ? e.op('Mul', [own, byClass]) : own]);
  const n = floats(graft, e.op('Unsqueeze', [counts, e.int64s([1])]));
  return weighted(graft, e.op('Div', [sumLabels(graft, counted), n]), weights);
}

/** With k = min(|d|, δ), k(|d| − k/2) is the Huber loss; without δ, d². */
function regression(
  graft: Graft,
  { scores, targets, weights }: LossInputs,
  delta: number | undefined,
): string {
  const { e, c } = graft;
  const d = e.op('Sub', [scores, targets]);
  let each = e.op('Mul', [d, d]);
  if (delta !== undefined) {
    const size = e.op('Abs', [d]);
    const near = e.op('Clip', [size, '', c(delta)]);
    each = e.op('Mul', [near, e.op('Sub', [size, e.op('Mul', [near, c(0.5)])])]);
  }
  const n = floats(graft, e.op('Shape', [scores], { start: int(2), end: int(3) }));
  return weighted(graft, e.op('Div', [sumLabels(graft, each), n]), weights);
}

/**
 * For anchor i with z normalised, positives P(i) = rows of the same label, all of them i excluded:
 * ℓᵢ = −1/|P(i)| Σ_{p ∈ P(i)} (zᵢ·z_p/τ − ln Σ_{a ≠ i} e^{zᵢ·z_a/τ}). Rows without a positive, or of weight 0, are no anchors; rows of weight
 * 0 are not compared with either.
 */
function contrastive(graft: Graft, { scores, targets, weights }: LossInputs, temperature: number): string {
  const { e, c } = graft;
  const t = (value: string) => e.op('Transpose', [value], { perm: { kind: 'ints', value: [0, 2, 1] } });
  const squares = rowSums(e, e.op('Mul', [scores, scores]));
  const z = e.op('Div', [scores, e.op('Sqrt', [e.op('Add', [squares, c(1e-12)])])]);
  const similarity = e.op('Mul', [e.op('MatMul', [z, t(z)]), c(1 / temperature)]);
  const rows = e.op('Squeeze', [e.op('Shape', [weights], { start: int(1), end: int(2) })]);
  const range = e.op('Range', [e.constant('int64', [], [0]), rows, e.constant('int64', [], [1])]);
  const self = e.op('Equal', [range, e.op('Unsqueeze', [range, e.int64s([1])])]);
  const present = floats(graft, e.op('Greater', [weights, c(0)]));
  const others = e.op('Mul', [
    e.op('Unsqueeze', [present, e.int64s([1])]),
    e.op('Sub', [c(1), floats(graft, self)]),
  ]);
  const compared = e.op('Where', [e.op('Greater', [others, c(0)]), similarity, c(MASKED_SCORE)]);
  const logarithms = e.op('LogSoftmax', [compared], { axis: int(-1) });
  const same = e.op('Mul', [e.op('MatMul', [targets, t(targets)]), others]);
  const positives = sumLabels(graft, same);
  const each = e.op('Div', [
    sumLabels(graft, e.op('Mul', [same, logarithms])),
    e.op('Max', [positives, c(1e-12)]),
  ]);
  const anchors = e.op('Mul', [weights, floats(graft, e.op('Greater', [positives, c(0)]))]);
  return weighted(graft, e.op('Neg', [each]), anchors);
}

/**
 * Language-model loss: mean over positions of −ln softmax(logits)[target], for the users' auxiliary objective (Radford et al. 2018, L₃ = L₂ +
 * λL₁). `token_targets` int64 [rows, tokens], already shifted by the caller; −100 marks positions that do not count.
 */
export function languageModelLoss(graft: Graft, logits: string, weights: string): string {
  const { e, c } = graft;
  e.scope = 'loss/language_model';
  const targets = graft.input('token_targets', 'int64', ['rows', 'tokens']);
  const value = graft.current(logits);
  const vocabulary = e.op('Squeeze', [e.op('Shape', [value], { start: int(2), end: int(3) })]);
  const zero = e.constant('int64', [], [0]);
  const counted = e.op('GreaterOrEqual', [targets, zero]);
  const hot = e.op('OneHot', [e.op('Max', [targets, zero]), vocabulary, e.constant('float32', [2], [0, 1])]);
  const logarithms = e.op('LogSoftmax', [value], { axis: int(-1) });
  const perToken = sumLabels(graft, e.op('Mul', [logarithms, hot]));
  const byUser = graft.rowsByLead(e.op('Neg', [perToken]));
  const share = e.op('Mul', [
    graft.rowsByLead(floats(graft, counted)),
    e.op('Unsqueeze', [weights, e.int64s([2])]),
  ]);
  const total = e.op('Max', [sumAll(graft, share), c(1e-12)]);
  return e.op('Div', [sumAll(graft, e.op('Mul', [byUser, share])), total]);
}
