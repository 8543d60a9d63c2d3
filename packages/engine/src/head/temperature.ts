import { softmaxRow } from './logistic.js';

/**
 * Temperature scaling (C. Guo et al., On Calibration of Modern Neural Networks, 2017): the one number that logits are
 * divided by so that held-out log-loss is least. A log-normal prior of the weight of a few rows holds it near 1 where
 * there is little to learn it from: four right answers out of four must not read as certainty.
 */
const PRIOR_WEIGHT = 4;
const LOG_RANGE = Math.log(20);

export interface HeldOutLogits {
  /** rows × classes */
  logits: Float64Array;
  y: Int32Array;
  classes: number;
}

/** @param rows the rows to learn from */
export function fitTemperature({ logits, y, classes }: HeldOutLogits, rows: ArrayLike<number>): number {
  const scaled = new Float64Array(classes);
  const cost = (logT: number): number => {
    let sum = (PRIOR_WEIGHT / 2) * logT * logT;
    const inverse = Math.exp(-logT);
    for (let k = 0; k < rows.length; k += 1) {
      const at = rows[k] * classes;
      for (let c = 0; c < classes; c += 1) scaled[c] = logits[at + c] * inverse;
      sum += softmaxRow(scaled, 0, classes, y[rows[k]]);
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
