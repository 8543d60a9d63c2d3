import { type Folds, stratifiedFolds } from './folds.js';
import { addNames, likenessOf } from './label-names.js';
import { minimize } from './lbfgs.js';
import {
  computeLogits,
  type LabelledRows,
  logisticObjective,
  meanLoss,
  parameterCount,
  penalty,
  selectLabelled,
} from './logistic.js';
import type { Matrix, Products } from './matrix.js';
import { meanRowLoss } from './metrics.js';
import { type RowSpan, rowSpan } from './row-span.js';
import { standardize } from './standardize.js';
import { selectTargets, strataOf, type Targets } from './targets.js';
import { crossCalibrated, fitTemperature, type HeldOutScores, predictionsAt } from './temperature.js';

/** Penalties that cross-validation chooses among, strongest first: each fit starts from the one before. */
export const L2_GRID = [1, 0.3, 0.1, 0.03, 0.01];
/** A value's noise is worth more doubt than a label's: the squared error has no ceiling. */
const L2_GRID_REGRESSION = [10, 3, ...L2_GRID];

/**
 * Above this many rows the penalty is chosen on one fold. The others are fitted at it all the same, however many rows there
 * are: whether a version beats the live one is seen on the few that came since, wherever they were dealt.
 */
const ROWS_FULL_SEARCH = 600;

/**
 * Accuracy of the fits in cross-validation and of the last one: length of the gradient of the mean loss. Its components would
 * not do: the more labels, the smaller each, and with 150 a fit would seem done where the penalty before had left it.
 */
const CV_TOLERANCE = 1e-3;
const FINAL_TOLERANCE = 1e-5;
const MAX_ITERATIONS = 300;

export interface HeadData {
  /** rows × columns */
  features: Float32Array;
  columns: number;
  /** Of a classification two classes at least; the values of a regression are standardized within. */
  targets: Targets;
  rowWeights: Float64Array;
  /** Rows of one group are never on both sides of a fold. */
  groups: Int32Array;
  /** Where the names of the outputs lie in the last of the columns, each of unit length: outputs × any number of columns. */
  names?: Float32Array | undefined;
}

/** One step of one fit, for a loss curve. Losses are means, without the penalty: nats, or half the squared error. */
export interface FitEvent {
  series: string;
  step: number;
  /** Of the rows trained on. */
  loss?: number;
  validationLoss?: number;
  /** Of the validation rows: the share of right answers, or R². */
  validationScore?: number;
  examplesPerSecond?: number;
  etaSeconds?: number;
}

export interface FitOptions {
  seed: number;
  grid?: readonly number[];
  onEvent?(event: FitEvent): void;
  /** Called between steps; throws to stop the fit. */
  checkpoint?(): void;
  /** Default: plain ones. */
  products?: Products | undefined;
}

/** What models that had not seen some rows say of them. */
export interface OutOfFold {
  /** Which rows were held out, ascending. */
  rows: Int32Array;
  /** Of those, calibrated on other rows than their own: rows × outputs. */
  predictions: Float32Array;
}

export interface FittedHead {
  /** outputs × columns, for raw features: standardization and temperature are folded in. */
  weight: Float32Array;
  /** In the targets' unit. */
  bias: Float32Array;
  /** What the product of features and weight is multiplied with before the bias is added: the unit of a regression's targets, else 1. */
  scale: number;
  recipe: { l2: number; folds: number; temperature: number };
  outOfFold: OutOfFold;
}

/**
 * A linear head on frozen features, drawn towards the labels' names: its penalty by cross-validated loss, its temperature on the held-out folds.
 * Deterministic for a seed.
 */
export async function fitHead(data: HeadData, options: FitOptions): Promise<FittedHead> {
  const { columns, rowWeights, groups } = data;
  const { products } = options;
  const { targets, restore } = standardizeTargets(data.targets, rowWeights);
  const { outputs } = targets;
  const { x, mean, scale } = standardize(data.features, columns, rowWeights);
  // The Gram matrix costs rows² × columns; with rows close to columns it would save nothing.
  const span = x.rows * 2 <= x.columns ? await rowSpan(x, products) : undefined;
  const likeness = data.names && likenessOf(data.features, columns, data.names, outputs);
  const rows: LabelledRows = { x: span?.coordinates ?? x, targets, rowWeights, likeness, products };

  const { strata, count } = strataOf(targets);
  const folds = stratifiedFolds(strata, groups, count, options.seed);
  const chosen = await crossValidate(rows, folds, options);
  for (const event of chosen.curves) options.onEvent?.(event);
  const everything = Int32Array.from(chosen.heldOut);
  const temperature = fitTemperature(chosen, everything);
  const predictions = crossCalibrated(chosen, folds.fold, folds.count, everything);

  const parameters = await fit(rows, chosen.l2, undefined, {
    tolerance: FINAL_TOLERANCE,
    checkpoint: options.checkpoint,
    onStep: (step, loss) => options.onEvent?.({ series: 'final', step, loss }),
  });
  const raw = await toRaw(parameters, { x: rows.x, span, mean, scale, outputs, columns, names: data.names });
  return {
    ...calibratedHead(raw, temperature, restore),
    recipe: { l2: chosen.l2, folds: folds.count, temperature },
    outOfFold: {
      rows: everything,
      predictions: predictions.map((value) => value * restore.scale + restore.shift),
    },
  };
}

/**
 * A head with its temperature folded in, and its bias in the target's unit. The weight stays without it: it is stored in
 * halves, which neither prices nor probabilities of a millionth fit.
 */
export function calibratedHead(
  { weight, bias }: { weight: Float32Array; bias: Float32Array },
  temperature: number,
  restore: { scale: number; shift: number },
): { weight: Float32Array; bias: Float32Array; scale: number } {
  const { scale, shift } = restore;
  const factor = 1 / temperature;
  return {
    weight: weight.map((value) => value * factor),
    bias: bias.map((value) => value * factor * scale + shift),
    scale,
  };
}

/** The values of a regression with mean 0 and variance 1, so that penalties mean the same for any unit. */
export function standardizeTargets(
  targets: Targets,
  rowWeights: Float64Array,
): { targets: Targets; restore: { scale: number; shift: number } } {
  if (targets.kind !== 'regression') return { targets, restore: { scale: 1, shift: 0 } };
  const { values } = targets;
  let total = 0;
  let sum = 0;
  for (const [row, value] of values.entries()) {
    total += rowWeights[row];
    sum += rowWeights[row] * value;
  }
  const shift = sum / total;
  let squares = 0;
  for (const [row, value] of values.entries()) squares += rowWeights[row] * (value - shift) ** 2;
  const scale = Math.sqrt(squares / total) || 1;
  return {
    targets: { ...targets, values: values.map((value) => (value - shift) / scale) },
    restore: { scale, shift },
  };
}

interface Validated extends HeldOutScores {
  l2: number;
  /** Rows whose scores were computed, ascending. */
  heldOut: number[];
  /** The loss curves of its folds. */
  curves: FitEvent[];
}

/** Fits every fold along the grid, and keeps the penalty whose held-out loss, calibrated, is least. */
async function crossValidate(rows: LabelledRows, folds: Folds, options: FitOptions): Promise<Validated> {
  const { targets } = rows;
  const { outputs, kind } = targets;
  const total = rows.x.rows;
  const grid = options.grid ?? (kind === 'regression' ? L2_GRID_REGRESSION : L2_GRID);
  const searched = total > ROWS_FULL_SEARCH ? 1 : folds.count;
  const candidates = grid.map(
    (l2): Validated => ({
      l2,
      scores: new Float64Array(total * outputs),
      targets,
      heldOut: [],
      curves: [],
    }),
  );
  const run = async (number: number, along: Validated[]) => {
    const inside: number[] = [];
    const outside: number[] = [];
    for (let i = 0; i < total; i += 1) (folds.fold[i] === number ? outside : inside).push(i);
    const training = selectLabelled(rows, inside);
    const validation = selectLabelled(rows, outside);
    let start: Float64Array | undefined;
    for (const candidate of along) {
      const parameters = await fit(training, candidate.l2, start, {
        tolerance: CV_TOLERANCE,
        checkpoint: options.checkpoint,
        onStep: async (step, loss, point) => {
          const validationLoss = await meanLoss(validation, point);
          candidate.curves.push({
            series: `fold ${number + 1} of ${folds.count}`,
            step,
            loss,
            validationLoss,
          });
        },
      });
      const scores = await computeLogits(validation, parameters);
      for (const [k, row] of outside.entries())
        candidate.scores.set(scores.subarray(k * outputs, (k + 1) * outputs), row * outputs);
      candidate.heldOut.push(...outside);
      start = parameters;
    }
  };
  for (let number = 0; number < searched; number += 1) await run(number, candidates);
  const score = (candidate: Validated) => {
    const temperature = fitTemperature(candidate, candidate.heldOut);
    return meanRowLoss(
      predictionsAt(candidate, candidate.heldOut, () => temperature),
      targets,
      candidate.heldOut,
    );
  };
  const scores = candidates.map(score);
  const best = candidates[scores.indexOf(Math.min(...scores))];
  for (let number = searched; number < folds.count; number += 1) await run(number, [best]);
  best.heldOut.sort((a, b) => a - b);
  return best;
}

interface FitStepOptions {
  tolerance: number;
  checkpoint?: (() => void) | undefined;
  /** The loss is the weighted mean over the rows, without the penalty. */
  onStep?(step: number, loss: number, parameters: Float64Array): void | Promise<void>;
}

async function fit(
  rows: LabelledRows,
  l2: number,
  start: Float64Array | undefined,
  { tolerance, checkpoint, onStep }: FitStepOptions,
): Promise<Float64Array> {
  const objective = logisticObjective(rows, l2);
  const total = rows.rowWeights.reduce((sum, weight) => sum + weight, 0);
  const from = start ?? new Float64Array(parameterCount(rows));
  const { x } = await minimize(objective, from, {
    maxIterations: MAX_ITERATIONS,
    gradientTolerance: tolerance,
    onIteration: (step, value, point) => {
      checkpoint?.();
      return onStep?.(step, value - penalty(rows, point, l2) / total, point);
    },
  });
  return x;
}

/** A fit of some of the rows at a given penalty, and which others it is to score. */
export interface LinearFit {
  rows: Int32Array;
  l2: number;
  scored: Int32Array;
}

export interface FittedLinear {
  /** For raw features and targets as given: outputs × columns. */
  weight: Float32Array;
  bias: Float32Array;
  /** Of the scored rows, in their order: rows × outputs. */
  scores: Float64Array;
}

/** Linear heads at penalties given, without calibration: where adapters start, and what they are compared with. */
export async function fitLinear(
  { features, columns, targets, rowWeights, names }: Omit<HeadData, 'groups'>,
  fits: LinearFit[],
  { checkpoint, products }: Pick<FitOptions, 'checkpoint' | 'products'> = {},
): Promise<FittedLinear[]> {
  const fitted: FittedLinear[] = [];
  for (const { rows, l2, scored } of fits) {
    const own = new Float32Array(rows.length * columns);
    for (const [at, row] of rows.entries())
      own.set(features.subarray(row * columns, (row + 1) * columns), at * columns);
    const weights = Float64Array.from(rows, (row) => rowWeights[row]);
    const { x, mean, scale } = standardize(own, columns, weights);
    const span = x.rows * 2 <= x.columns ? await rowSpan(x, products) : undefined;
    const { outputs } = targets;
    const labelled = {
      x: span?.coordinates ?? x,
      targets: selectTargets(targets, rows),
      rowWeights: weights,
      likeness: names && likenessOf(own, columns, names, outputs),
      products,
    };
    const parameters = await fit(labelled, l2, undefined, { tolerance: CV_TOLERANCE, checkpoint });
    const head = await toRaw(parameters, { x: labelled.x, span, mean, scale, outputs, columns, names });
    const scores = new Float64Array(scored.length * outputs);
    for (const [at, row] of scored.entries())
      for (let c = 0; c < outputs; c += 1) {
        let score = head.bias[c];
        for (let j = 0; j < columns; j += 1)
          score += head.weight[c * columns + j] * features[row * columns + j];
        scores[at * outputs + c] = score;
      }
    fitted.push({ ...head, scores });
  }
  return fitted;
}

/** Parameters for standardized features as ones for raw features. */
async function toRaw(
  parameters: Float64Array,
  of: {
    x: Matrix;
    span: RowSpan | undefined;
    mean: Float64Array;
    scale: Float64Array;
    outputs: number;
    columns: number;
    names: Float32Array | undefined;
  },
): Promise<{ weight: Float32Array; bias: Float32Array }> {
  const { span, mean, scale, outputs, columns, names } = of;
  const v = parameters.subarray(0, outputs * of.x.columns);
  const w = span ? await span.expand(v, outputs) : v;
  const weight = new Float32Array(outputs * columns);
  const bias = new Float32Array(outputs);
  for (let c = 0; c < outputs; c += 1) {
    let offset = parameters[v.length + c];
    for (let j = 0; j < columns; j += 1) {
      const raw = w[c * columns + j] * scale[j];
      offset -= raw * mean[j];
      weight[c * columns + j] = raw;
    }
    bias[c] = offset;
  }
  if (names) addNames(weight, columns, names, parameters.at(-1)!, outputs);
  return { weight, bias };
}
