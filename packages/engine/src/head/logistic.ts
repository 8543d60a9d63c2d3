import type { Objective } from './lbfgs.js';
import { accumulateOuter, type Matrix, multiplyTransposed } from './matrix.js';

/** Rows that a multinomial logistic regression is fitted to. */
export interface LabelledRows {
  x: Matrix;
  /** Class of each row. */
  y: Int32Array;
  /** Positive weight of each row: a row of weight 2 counts as that row twice. */
  rowWeights: Float64Array;
}

/**
 * The strength of the penalty on the biases, in the units of `l2`. Small enough to leave them free; it keeps them
 * finite for a class that a fold does not hold.
 */
const BIAS_L2 = 1e-2;

/**
 * J(W, b) = [ Σ_i w_i · CE(softmax(W x_i + b), y_i) + l2/2 ‖W‖² + BIAS_L2/2 ‖b‖² ] / Σ_i w_i
 *
 * The penalty stands beside a sum, not a mean: like a prior, it counts for less as examples come. Parameters are flat:
 * W [classes, columns] row-major, then b [classes].
 */
export function logisticObjective(
  { x, y, rowWeights }: LabelledRows,
  classes: number,
  l2: number,
): Objective {
  const weights = classes * x.columns;
  const logits = new Float64Array(x.rows * classes);
  const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
  return (parameters, gradient) => {
    let value = 0;
    computeLogits(x, parameters, classes, logits);
    gradient.fill(0, weights);
    for (let i = 0; i < x.rows; i += 1) {
      // From here on the row's logits become w_i · (p − onehot(y)), the gradient of the loss by its logits.
      const weight = rowWeights[i];
      value += weight * softmaxRow(logits, i * classes, classes, y[i]);
      for (let c = 0; c < classes; c += 1) {
        const residual = weight * (logits[i * classes + c] - (c === y[i] ? 1 : 0));
        logits[i * classes + c] = residual;
        gradient[weights + c] += residual;
      }
    }
    accumulateOuter(x, logits, classes, gradient);
    for (let k = 0; k < parameters.length; k += 1) {
      const strength = k < weights ? l2 : BIAS_L2;
      value += (strength / 2) * parameters[k] * parameters[k];
      gradient[k] = (gradient[k] + strength * parameters[k]) / total;
    }
    return value / total;
  };
}

/** The share of J that is penalty, times Σ_i w_i. */
export function penalty(parameters: Float64Array, classes: number, l2: number): number {
  const weights = parameters.length - classes;
  let value = 0;
  for (let k = 0; k < parameters.length; k += 1)
    value += ((k < weights ? l2 : BIAS_L2) / 2) * parameters[k] * parameters[k];
  return value;
}

/** out[i, c] = W_c · x_i + b_c */
export function computeLogits(x: Matrix, parameters: Float64Array, classes: number, out: Float64Array): void {
  multiplyTransposed(x, parameters, classes, out);
  const weights = classes * x.columns;
  for (let i = 0; i < x.rows * classes; i += 1) out[i] += parameters[weights + (i % classes)];
}

/** Turns `classes` logits from `at` on into probabilities, in place; returns −log p of class `y`. */
export function softmaxRow(logits: Float64Array, at: number, classes: number, y: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c += 1) most = Math.max(most, logits[at + c]);
  const target = logits[at + y] - most;
  let sum = 0;
  for (let c = 0; c < classes; c += 1) {
    const e = Math.exp(logits[at + c] - most);
    logits[at + c] = e;
    sum += e;
  }
  for (let c = 0; c < classes; c += 1) logits[at + c] /= sum;
  return Math.log(sum) - target;
}
