import type { Metrics } from '@scion/contracts';
import { largestOf, type Targets } from './targets.js';

/**
 * The least probability that a log-loss counts: a model that has never seen a label gives it none, and one such row
 * would make every mean infinite.
 */
export const PROBABILITY_FLOOR = 1e-6;
/** Bins of equal width that calibration is measured in (C. Guo et al. 2017, section 2). */
export const RELIABILITY_BINS = 10;
/** At this probability a label of a multilabel task counts as answered. */
export const LABEL_THRESHOLD = 0.5;

/**
 * The loss of row `at` of the predictions against row `row` of the targets: −ln p of the label, its mean over a multilabel
 * task's labels, or the squared error.
 */
export function lossOf(
  predictions: ArrayLike<number>,
  at: number,
  { kind, outputs, values }: Targets,
  row: number,
): number {
  let loss = 0;
  if (kind === 'regression') return (predictions[at] - values[row]) ** 2;
  for (let c = 0; c < outputs; c += 1) {
    const p = predictions[at * outputs + c];
    const truth = values[row * outputs + c];
    if (truth > 0) loss -= Math.log(Math.max(PROBABILITY_FLOOR, p));
    else if (kind === 'multilabel') loss -= Math.log(Math.max(PROBABILITY_FLOOR, 1 - p));
  }
  if (kind === 'multilabel') return loss / outputs;
  // A class that the model does not have.
  return values.subarray(row * outputs, (row + 1) * outputs).some((value) => value > 0)
    ? loss
    : -Math.log(PROBABILITY_FLOOR);
}

/** The mean of those over some rows of the targets, whose predictions stand in that order. */
export function meanRowLoss(predictions: Float32Array, targets: Targets, rows: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < rows.length; at += 1) sum += lossOf(predictions, at, targets, rows[at]);
  return rows.length === 0 ? 0 : sum / rows.length;
}

/** Whether a row is answered right: its label, all its labels and no other, or, of a regression, never. */
export function isRight(
  predictions: ArrayLike<number>,
  at: number,
  { kind, outputs, values }: Targets,
  row: number,
): boolean {
  if (kind === 'classification') return values[row * outputs + largestOf(predictions, at, outputs)] > 0;
  if (kind === 'regression') return false;
  for (let c = 0; c < outputs; c += 1)
    if (predictions[at * outputs + c] >= LABEL_THRESHOLD !== values[row * outputs + c] > 0) return false;
  return true;
}

/** Of each label how often it was right, answered and true. Rows whose label the model does not have are in none. */
function countLabels(predictions: Float32Array, targets: Targets, rows: ArrayLike<number>) {
  const { kind, outputs, values } = targets;
  const right = new Float64Array(outputs);
  const answered = new Float64Array(outputs);
  const truth = new Float64Array(outputs);
  for (let at = 0; at < rows.length; at += 1) {
    const best = kind === 'classification' ? largestOf(predictions, at, outputs) : -1;
    for (let c = 0; c < outputs; c += 1) {
      const isTrue = values[rows[at] * outputs + c] > 0;
      const isAnswer =
        kind === 'classification' ? c === best : predictions[at * outputs + c] >= LABEL_THRESHOLD;
      if (isTrue) truth[c] += 1;
      if (isAnswer) answered[c] += 1;
      if (isTrue && isAnswer) right[c] += 1;
    }
  }
  return { right, answered, truth };
}

/** How sure the answers were and how often right, in bins of confidence; of a multilabel task, each label's probability. */
export function reliability(
  predictions: Float32Array,
  targets: Targets,
  rows: ArrayLike<number>,
): { from: number; to: number; count: number; confidence: number; accuracy: number }[] {
  const { kind, outputs, values } = targets;
  const bins = Array.from({ length: RELIABILITY_BINS }, () => ({ count: 0, sure: 0, right: 0 }));
  const add = (p: number, isRightHere: boolean) => {
    const bin = bins[Math.min(RELIABILITY_BINS - 1, Math.floor(p * RELIABILITY_BINS))];
    bin.count += 1;
    bin.sure += p;
    bin.right += isRightHere ? 1 : 0;
  };
  for (let at = 0; at < rows.length; at += 1) {
    if (kind === 'classification') {
      const best = largestOf(predictions, at, outputs);
      add(predictions[at * outputs + best], values[rows[at] * outputs + best] > 0);
    } else
      for (let c = 0; c < outputs; c += 1)
        add(predictions[at * outputs + c], values[rows[at] * outputs + c] > 0);
  }
  return bins.map(({ count, sure, right }, i) => ({
    from: i / RELIABILITY_BINS,
    to: (i + 1) / RELIABILITY_BINS,
    count,
    confidence: count === 0 ? 0 : sure / count,
    accuracy: count === 0 ? 0 : right / count,
  }));
}

/**
 * Of predictions against some rows of the targets. Macro-F1 is the mean over the classes that occur, in truth or in the
 * answers; a class of the model that does neither says nothing. Calibration error: |confidence − accuracy|, weighted by
 * the rows of each bin.
 */
export function measure(predictions: Float32Array, targets: Targets, rows: ArrayLike<number>): Metrics {
  const count = rows.length;
  if (targets.kind === 'regression') return measureValues(predictions, targets, rows);
  const { right, answered, truth } = countLabels(predictions, targets, rows);
  let hits = 0;
  let unknown = 0;
  for (let at = 0; at < count; at += 1) {
    if (isRight(predictions, at, targets, rows[at])) hits += 1;
    if (targets.kind === 'classification' && !hasLabel(targets, rows[at])) unknown += 1;
  }
  let f1 = 0;
  // Classes that the model does not have count as one that it never answers.
  let occurring = unknown > 0 ? 1 : 0;
  for (let c = 0; c < targets.outputs; c += 1) {
    if (truth[c] + answered[c] === 0) continue;
    occurring += 1;
    f1 += (2 * right[c]) / (truth[c] + answered[c]);
  }
  const bins = reliability(predictions, targets, rows);
  const binned = bins.reduce((sum, bin) => sum + bin.count, 0);
  const error = bins.reduce((sum, bin) => sum + bin.count * Math.abs(bin.confidence - bin.accuracy), 0);
  return {
    rows: count,
    accuracy: count === 0 ? 0 : hits / count,
    macroF1: occurring === 0 ? 0 : f1 / occurring,
    logLoss: meanRowLoss(predictions, targets, rows),
    calibrationError: binned === 0 ? 0 : error / binned,
  };
}

function hasLabel({ outputs, values }: Targets, row: number): boolean {
  for (let c = 0; c < outputs; c += 1) if (values[row * outputs + c] > 0) return true;
  return false;
}

/** R² = 1 − Σ(t − p)²/Σ(t − t̄)², 0 where all values are equal; the mean absolute and the root mean squared error. */
function measureValues(predictions: Float32Array, { values }: Targets, rows: ArrayLike<number>): Metrics {
  const count = rows.length;
  if (count === 0) return { rows: 0, r2: 0, mae: 0, rmse: 0 };
  let mean = 0;
  for (let at = 0; at < count; at += 1) mean += values[rows[at]] / count;
  let squares = 0;
  let spread = 0;
  let absolute = 0;
  for (let at = 0; at < count; at += 1) {
    const miss = predictions[at] - values[rows[at]];
    squares += miss * miss;
    absolute += Math.abs(miss);
    spread += (values[rows[at]] - mean) ** 2;
  }
  return {
    rows: count,
    r2: spread === 0 ? 0 : 1 - squares / spread,
    mae: absolute / count,
    rmse: Math.sqrt(squares / count),
  };
}

/** Precision, recall and F1 of each label. */
export function labelScores(predictions: Float32Array, targets: Targets, rows: ArrayLike<number>) {
  const { right, answered, truth } = countLabels(predictions, targets, rows);
  return Array.from(right, (hits, c) => ({
    precision: answered[c] === 0 ? 0 : hits / answered[c],
    recall: truth[c] === 0 ? 0 : hits / truth[c],
    f1: truth[c] + answered[c] === 0 ? 0 : (2 * hits) / (truth[c] + answered[c]),
    support: truth[c],
  }));
}

/** How often each true label (first index) was answered with each label (second). */
export function confusionMatrix(
  predictions: Float32Array,
  { outputs, values }: Targets,
  rows: ArrayLike<number>,
): number[][] {
  const matrix = Array.from({ length: outputs }, () => new Array<number>(outputs).fill(0));
  for (let at = 0; at < rows.length; at += 1) {
    const answer = largestOf(predictions, at, outputs);
    for (let c = 0; c < outputs; c += 1) if (values[rows[at] * outputs + c] > 0) matrix[c][answer] += 1;
  }
  return matrix;
}
