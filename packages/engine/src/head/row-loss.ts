import type { TaskKind } from '@scion/contracts';

/**
 * Turns a row's scores into its prediction, in place: probabilities over the labels, of each label alone, or the value as
 * it is. Returns the loss against the row's targets: cross-entropy, summed cross-entropies, half the squared error. Of all
 * three the derivative by the scores is prediction − target, since each link is its loss's canonical one.
 */
export function rowLoss(
  kind: TaskKind,
  scores: Float64Array | Float32Array,
  at: number,
  outputs: number,
  targets: Float32Array,
  from: number,
): number {
  if (kind === 'regression') {
    const miss = scores[at] - targets[from];
    return (miss * miss) / 2;
  }
  return kind === 'classification'
    ? softmaxLoss(scores, at, outputs, targets, from)
    : sigmoidLoss(scores, at, outputs, targets, from);
}

function softmaxLoss(
  scores: Float64Array | Float32Array,
  at: number,
  outputs: number,
  targets: Float32Array,
  from: number,
): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < outputs; c += 1) most = Math.max(most, scores[at + c]);
  let sum = 0;
  let aimed = 0;
  let share = 0;
  for (let c = 0; c < outputs; c += 1) {
    const score = scores[at + c] - most;
    aimed += targets[from + c] * score;
    share += targets[from + c];
    const e = Math.exp(score);
    scores[at + c] = e;
    sum += e;
  }
  for (let c = 0; c < outputs; c += 1) scores[at + c] /= sum;
  return share * Math.log(sum) - aimed;
}

function sigmoidLoss(
  scores: Float64Array | Float32Array,
  at: number,
  outputs: number,
  targets: Float32Array,
  from: number,
): number {
  let loss = 0;
  for (let c = 0; c < outputs; c += 1) {
    const score = scores[at + c];
    // ln(1 + eˢ) − s·t, without overflow.
    loss += Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - score * targets[from + c];
    scores[at + c] = 1 / (1 + Math.exp(-score));
  }
  return loss;
}
