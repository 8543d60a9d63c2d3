import type { Objective } from './lbfgs.js';
import { accumulateOuter, type Matrix, multiplyTransposed, selectRows } from './matrix.js';
import { rowLoss } from './row-loss.js';
import { selectTargets, type Targets } from './targets.js';

/** Rows that a linear model is fitted to. */
export interface LabelledRows {
  x: Matrix;
  targets: Targets;
  /** Positive weight of each row: a row of weight 2 counts as that row twice. */
  rowWeights: Float64Array;
}

export function selectLabelled({ x, targets, rowWeights }: LabelledRows, rows: number[]): LabelledRows {
  return {
    x: selectRows(x, rows),
    targets: selectTargets(targets, rows),
    rowWeights: Float64Array.from(rows, (row) => rowWeights[row]),
  };
}

/**
 * The strength of the penalty on the biases, in the units of `l2`. Small enough to leave them free; it keeps them
 * finite for a class that a fold does not hold.
 */
const BIAS_L2 = 1e-2;

/**
 * J(W, b) = [ Σ_i w_i · loss(W x_i + b, t_i) + l2/2 ‖W‖² + BIAS_L2/2 ‖b‖² ] / Σ_i w_i, the loss as `rowLoss` has it:
 * multinomial logistic regression, one logistic regression a label, or ridge regression.
 *
 * The penalty stands beside a sum, not a mean: like a prior, it counts for less as examples come. Parameters are flat:
 * W [outputs, columns] row-major, then b [outputs].
 */
export function logisticObjective({ x, targets, rowWeights }: LabelledRows, l2: number): Objective {
  const { kind, outputs, values } = targets;
  const weights = outputs * x.columns;
  const scores = new Float64Array(x.rows * outputs);
  const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
  return (parameters, gradient) => {
    let value = 0;
    computeLogits(x, parameters, outputs, scores);
    gradient.fill(0, weights);
    for (let i = 0; i < x.rows; i += 1) {
      // From here on the row's scores become w_i · (prediction − target), the gradient of the loss by its scores.
      const weight = rowWeights[i];
      value += weight * rowLoss(kind, scores, i * outputs, outputs, values, i * outputs);
      for (let c = 0; c < outputs; c += 1) {
        const residual = weight * (scores[i * outputs + c] - values[i * outputs + c]);
        scores[i * outputs + c] = residual;
        gradient[weights + c] += residual;
      }
    }
    accumulateOuter(x, scores, outputs, gradient);
    for (let k = 0; k < parameters.length; k += 1) {
      const strength = k < weights ? l2 : BIAS_L2;
      value += (strength / 2) * parameters[k] * parameters[k];
      gradient[k] = (gradient[k] + strength * parameters[k]) / total;
    }
    return value / total;
  };
}

/** The share of J that is penalty, times Σ_i w_i. */
export function penalty(parameters: Float64Array, outputs: number, l2: number): number {
  const weights = parameters.length - outputs;
  let value = 0;
  for (let k = 0; k < parameters.length; k += 1)
    value += ((k < weights ? l2 : BIAS_L2) / 2) * parameters[k] * parameters[k];
  return value;
}

/** out[i, c] = W_c · x_i + b_c */
export function computeLogits(x: Matrix, parameters: Float64Array, outputs: number, out: Float64Array): void {
  multiplyTransposed(x, parameters, outputs, out);
  const weights = outputs * x.columns;
  for (let i = 0; i < x.rows * outputs; i += 1) out[i] += parameters[weights + (i % outputs)];
}

/** The weighted mean loss of rows, without the penalty. */
export function meanLoss({ x, targets, rowWeights }: LabelledRows, parameters: Float64Array): number {
  const { kind, outputs, values } = targets;
  const scores = new Float64Array(x.rows * outputs);
  computeLogits(x, parameters, outputs, scores);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < x.rows; i += 1) {
    sum += rowWeights[i] * rowLoss(kind, scores, i * outputs, outputs, values, i * outputs);
    total += rowWeights[i];
  }
  return total === 0 ? 0 : sum / total;
}
