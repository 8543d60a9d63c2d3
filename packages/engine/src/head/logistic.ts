import type { Objective } from './lbfgs.js';
import { type Matrix, type Products, plainProducts, selectRows } from './matrix.js';
import { rowLoss } from './row-loss.js';
import { selectTargets, type Targets } from './targets.js';

/** Rows that a linear model is fitted to. */
export interface LabelledRows {
  x: Matrix;
  targets: Targets;
  /** Positive weight of each row: a row of weight 2 counts as that row twice. */
  rowWeights: Float64Array;
  /** How like each row is to each output's name: rows × outputs. Left out where outputs have no names. */
  likeness?: Matrix | undefined;
  /** Default: plain ones. */
  products?: Products | undefined;
}

export function selectLabelled(
  { x, targets, rowWeights, likeness, products }: LabelledRows,
  rows: ArrayLike<number>,
): LabelledRows {
  return {
    x: selectRows(x, rows),
    targets: selectTargets(targets, rows),
    rowWeights: Float64Array.from(rows, (row) => rowWeights[row]),
    likeness: likeness && selectRows(likeness, rows),
    products,
  };
}

/** Of the flat vector that `logisticObjective` takes. */
export function parameterCount({ x, targets: { outputs }, likeness }: LabelledRows): number {
  return outputs * (x.columns + 1) + (likeness ? 1 : 0);
}

/**
 * The strength of the penalty on the biases, in the units of `l2`. Small enough to leave them free; it keeps them
 * finite for a class that a fold does not hold.
 */
const BIAS_L2 = 1e-2;
/**
 * The strength of the penalty on the names' weight: weak, for one number that all labels share is hard to overfit. A third of
 * it gained 0.1 points at 25 to 50 labels and lost 0.1 at 200 (docs/adr/0005-the-training-recipe.md names the sets).
 */
const NAMES_L2 = 0.9;

/**
 * J(W, b, τ) = [ Σ_i w_i · loss(W x_i + b + τ s_i, t_i) + l2/2 ‖W‖² + BIAS_L2/2 ‖b‖² + NAMES_L2/2 τ² ] / Σ_i w_i, the loss
 * as `rowLoss` has it: multinomial logistic regression, one logistic regression a label, or ridge regression. s_i is the
 * row's likeness to the outputs' names. So W is drawn towards τ times the names rather than towards nothing, and the
 * examples say how far names are to be trusted: τ stays near 0 where they are codes.
 *
 * The penalty stands beside a sum, not a mean: like a prior, it counts for less as examples come. Parameters are flat:
 * W [outputs, columns] row-major, then b [outputs], then τ where there are names.
 */
export function logisticObjective(rows: LabelledRows, l2: number): Objective {
  const { x, targets, rowWeights, likeness, products = plainProducts } = rows;
  const { kind, outputs, values } = targets;
  const weights = outputs * x.columns;
  const names = weights + outputs;
  const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
  return async (parameters, gradient) => {
    let value = 0;
    const scores = await computeLogits(rows, parameters);
    gradient.fill(0, weights);
    for (let i = 0; i < x.rows; i += 1) {
      // From here on the row's scores become w_i · (prediction − target), the gradient of the loss by its scores.
      const weight = rowWeights[i];
      value += weight * rowLoss(kind, scores, i * outputs, outputs, values, i * outputs);
      for (let c = 0; c < outputs; c += 1) {
        const residual = weight * (scores[i * outputs + c] - values[i * outputs + c]);
        scores[i * outputs + c] = residual;
        gradient[weights + c] += residual;
        if (likeness) gradient[names] += residual * likeness.data[i * outputs + c];
      }
    }
    gradient.set(await products.sumOuter(x, scores, outputs));
    for (let k = 0; k < parameters.length; k += 1) {
      const strength = k < weights ? l2 : k < names ? BIAS_L2 : NAMES_L2;
      value += (strength / 2) * parameters[k] * parameters[k];
      gradient[k] = (gradient[k] + strength * parameters[k]) / total;
    }
    return value / total;
  };
}

/** The share of J that is penalty, times Σ_i w_i. */
export function penalty(
  { x, targets: { outputs } }: LabelledRows,
  parameters: Float64Array,
  l2: number,
): number {
  const weights = outputs * x.columns;
  const names = weights + outputs;
  let value = 0;
  for (let k = 0; k < parameters.length; k += 1)
    value += ((k < weights ? l2 : k < names ? BIAS_L2 : NAMES_L2) / 2) * parameters[k] * parameters[k];
  return value;
}

/** W_c · x_i + b_c + τ s_ic, rows × outputs. */
export async function computeLogits(
  { x, targets: { outputs }, likeness, products = plainProducts }: LabelledRows,
  parameters: Float64Array,
): Promise<Float64Array> {
  const weights = outputs * x.columns;
  const out = await products.multiplyTransposed(x, parameters.subarray(0, weights), outputs);
  for (let i = 0; i < out.length; i += 1) out[i] += parameters[weights + (i % outputs)];
  if (!likeness) return out;
  const tau = parameters[weights + outputs];
  for (let i = 0; i < out.length; i += 1) out[i] += tau * likeness.data[i];
  return out;
}

/** The weighted mean loss of rows, without the penalty. */
export async function meanLoss(rows: LabelledRows, parameters: Float64Array): Promise<number> {
  const { x, targets, rowWeights } = rows;
  const { kind, outputs, values } = targets;
  const scores = await computeLogits(rows, parameters);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < x.rows; i += 1) {
    sum += rowWeights[i] * rowLoss(kind, scores, i * outputs, outputs, values, i * outputs);
    total += rowWeights[i];
  }
  return total === 0 ? 0 : sum / total;
}
