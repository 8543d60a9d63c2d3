import { rowLoss } from './row-loss.js';
import type { Targets } from './targets.js';

/**
 * Temperature scaling (C. Guo et al., On Calibration of Modern Neural Networks, 2017): the one number that scores are
 * divided by so that held-out log-loss is least. Two priors keep it sober where there is little to learn it from:
 *
 * - a log-normal one of the weight of a row holds it near 1;
 * - targets are those of Laplace's rule of succession, as J. Platt (Probabilistic Outputs for Support Vector Machines,
 *   1999) takes them: after n right answers out of n the next is right with probability (n + 1)/(n + 2). So forty rows that
 *   are told apart without a mistake read as 98 % sure, not as certain.
 */
const PRIOR_WEIGHT = 1;
const LOG_RANGE = Math.log(20);

export interface HeldOutScores {
  /** rows × outputs */
  scores: Float64Array;
  targets: Targets;
}

/**
 * @param rows the rows to learn from
 * @returns 1 for a regression, which has no probabilities
 */
export function fitTemperature({ scores, targets }: HeldOutScores, rows: ArrayLike<number>): number {
  const { kind, outputs, values } = targets;
  if (kind === 'regression') return 1;
  const scaled = new Float64Array(outputs);
  const doubt = 1 / (rows.length + 2);
  const spread = kind === 'classification' ? doubt / outputs : doubt / 2;
  const sober = new Float32Array(rows.length * outputs);
  for (let k = 0; k < rows.length; k += 1)
    for (let c = 0; c < outputs; c += 1)
      sober[k * outputs + c] = (1 - doubt) * values[rows[k] * outputs + c] + spread;
  const cost = (logT: number): number => {
    let sum = (PRIOR_WEIGHT / 2) * logT * logT;
    const inverse = Math.exp(-logT);
    for (let k = 0; k < rows.length; k += 1) {
      const at = rows[k] * outputs;
      for (let c = 0; c < outputs; c += 1) scaled[c] = scores[at + c] * inverse;
      sum += rowLoss(kind, scaled, 0, outputs, sober, k * outputs);
    }
    return sum;
  };
  // Golden-section search: the log-loss is convex in 1/T, so it has one valley in log T.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-LOG_RANGE, LOG_RANGE];
  let [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [costA, costB] = [cost(a), cost(b)];
  while (high - low > 1e-3) {
    if (costA <= costB) {
      [high, b, costB] = [b, a, costA];
      a = high - ratio * (high - low);
      costA = cost(a);
    } else {
      [low, a, costA] = [a, b, costB];
      b = low + ratio * (high - low);
      costB = cost(b);
    }
  }
  return Math.exp((low + high) / 2);
}

/** Predictions of some rows, each at a temperature: rows.length × outputs. */
export function predictionsAt(
  { scores, targets: { kind, outputs, values } }: HeldOutScores,
  rows: ArrayLike<number>,
  temperature: (row: number) => number,
): Float32Array {
  const out = new Float32Array(rows.length * outputs);
  const scaled = new Float64Array(outputs);
  for (let k = 0; k < rows.length; k += 1) {
    const t = temperature(rows[k]);
    for (let c = 0; c < outputs; c += 1) scaled[c] = scores[rows[k] * outputs + c] / t;
    rowLoss(kind, scaled, 0, outputs, values, rows[k] * outputs);
    out.set(scaled, k * outputs);
  }
  return out;
}

/**
 * Predictions of held-out rows, those of each fold at the temperature that the other folds' rows give, so that nothing
 * about a row went into its own.
 */
export function crossCalibrated(
  held: HeldOutScores,
  fold: Int32Array,
  folds: number,
  rows: Int32Array,
): Float32Array {
  const temperatures = Array.from({ length: folds }, (_, number) => {
    const others = rows.filter((row) => fold[row] !== number);
    return others.length === 0 ? 1 : fitTemperature(held, others);
  });
  return predictionsAt(held, rows, (row) => temperatures[fold[row]]);
}
