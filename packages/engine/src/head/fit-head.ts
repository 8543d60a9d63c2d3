import type { Metrics } from '@scion/contracts';
import { type Folds, stratifiedFolds } from './folds.js';
import { minimize } from './lbfgs.js';
import { computeLogits, type LabelledRows, logisticObjective, penalty, softmaxRow } from './logistic.js';
import { selectRows } from './matrix.js';
import { measure } from './metrics.js';
import { rowSpan } from './row-span.js';
import { standardize } from './standardize.js';
import { fitTemperature, type HeldOutLogits } from './temperature.js';

/** Penalties that cross-validation chooses among, strongest first: each fit starts from the one before. */
export const L2_GRID = [1, 0.3, 0.1, 0.03, 0.01];

/** Above this many rows the penalty is chosen on one fold, the others only confirm it. */
const ROWS_FULL_SEARCH = 600;
/** Above this many, one fold is held out and the rest are never fitted without: its rows are sample enough. */
const ROWS_ALL_FOLDS = 4_000;

/** Accuracy of the fits in cross-validation and of the last one: largest component of the gradient of the mean loss. */
const CV_TOLERANCE = 3e-4;
const FINAL_TOLERANCE = 1e-7;
const MAX_ITERATIONS = 300;

export interface HeadData {
  /** rows × columns */
  features: Float32Array;
  columns: number;
  /** Class of each row, 0 to classes − 1; two classes at least. */
  y: Int32Array;
  classes: number;
  rowWeights: Float64Array;
  /** Rows of one group are never on both sides of a fold. */
  groups: Int32Array;
}

/** One step of one fit, for a loss curve. Losses are means in nats, without the penalty. */
export interface FitEvent {
  series: string;
  step: number;
  loss: number;
  validationLoss?: number;
}

export interface FitOptions {
  seed: number;
  grid?: readonly number[];
  onEvent?(event: FitEvent): void;
  /** Called between steps; throws to stop the fit. */
  checkpoint?(): void;
}

export interface FittedHead {
  /** classes × columns, for raw features: standardisation and temperature are folded in. */
  weight: Float32Array;
  bias: Float32Array;
  recipe: { l2: number; folds: number; temperature: number };
  /** Rows that were held out once, ascending, and what a head that had not seen them says: rows × classes. */
  outOfFold: { rows: Int32Array; probabilities: Float32Array };
  /** Of those. */
  metrics: Metrics;
}

/**
 * Multinomial logistic regression on frozen features: penalty by cross-validated log-loss, temperature on the held-out
 * folds. The out-of-fold probabilities of a fold are calibrated on the other folds, so that nothing about a row went
 * into its own. Deterministic for a seed.
 */
export function fitHead(data: HeadData, options: FitOptions): FittedHead {
  const { classes, columns } = data;
  const { x, mean, scale } = standardize(data.features, columns, data.rowWeights);
  // The Gram matrix costs rows² × columns; with rows close to columns it would save nothing.
  const span = x.rows * 2 <= x.columns ? rowSpan(x) : undefined;
  const rows: LabelledRows = { x: span?.coordinates ?? x, y: data.y, rowWeights: data.rowWeights };

  const folds = stratifiedFolds(data.y, data.groups, classes, options.seed);
  const chosen = crossValidate(rows, classes, folds, options);
  for (const event of chosen.curves) options.onEvent?.(event);

  const everything = Int32Array.from(chosen.heldOut);
  const temperature = fitTemperature(chosen, everything);
  const probabilities = crossCalibrate(chosen, folds, everything);

  const { parameters } = fit(rows, classes, chosen.l2, undefined, {
    tolerance: FINAL_TOLERANCE,
    checkpoint: options.checkpoint,
    onStep: (step, loss) => options.onEvent?.({ series: 'final', step, loss }),
  });
  const v = parameters.subarray(0, classes * rows.x.columns);
  const w = span ? span.expand(v, classes) : v;
  const weight = new Float32Array(classes * columns);
  const bias = new Float32Array(classes);
  for (let c = 0; c < classes; c += 1) {
    let offset = parameters[v.length + c];
    for (let j = 0; j < columns; j += 1) {
      const raw = w[c * columns + j] * scale[j];
      offset -= raw * mean[j];
      weight[c * columns + j] = raw / temperature;
    }
    bias[c] = offset / temperature;
  }
  return {
    weight,
    bias,
    recipe: { l2: chosen.l2, folds: folds.count, temperature },
    outOfFold: { rows: everything, probabilities },
    metrics: measure(
      probabilities,
      Array.from(everything, (row) => data.y[row]),
      classes,
    ),
  };
}

interface Validated extends HeldOutLogits {
  l2: number;
  /** Rows whose logits were computed, ascending. */
  heldOut: number[];
  /** The loss curves of its folds. */
  curves: FitEvent[];
}

/** Fits every fold along the grid, and keeps the penalty whose held-out log-loss, calibrated, is least. */
function crossValidate(rows: LabelledRows, classes: number, folds: Folds, options: FitOptions): Validated {
  const total = rows.x.rows;
  const grid = options.grid ?? L2_GRID;
  const fitted = total > ROWS_ALL_FOLDS ? 1 : folds.count;
  const searched = total > ROWS_FULL_SEARCH ? 1 : folds.count;
  const candidates = grid.map(
    (l2): Validated => ({
      l2,
      logits: new Float64Array(total * classes),
      y: rows.y,
      classes,
      heldOut: [],
      curves: [],
    }),
  );
  const run = (number: number, along: Validated[]) => {
    const inside: number[] = [];
    const outside: number[] = [];
    for (let i = 0; i < total; i += 1) (folds.fold[i] === number ? outside : inside).push(i);
    const training = select(rows, inside);
    const validation = select(rows, outside);
    let start: Float64Array | undefined;
    for (const candidate of along) {
      const { parameters } = fit(training, classes, candidate.l2, start, {
        tolerance: CV_TOLERANCE,
        checkpoint: options.checkpoint,
        onStep: (step, loss, point) =>
          candidate.curves.push({
            series: `fold ${number + 1} of ${fitted}`,
            ...{ step, loss, validationLoss: meanLoss(validation, point, classes) },
          }),
      });
      const logits = new Float64Array(outside.length * classes);
      computeLogits(validation.x, parameters, classes, logits);
      for (const [k, row] of outside.entries())
        candidate.logits.set(logits.subarray(k * classes, (k + 1) * classes), row * classes);
      candidate.heldOut.push(...outside);
      start = parameters;
    }
  };
  for (let number = 0; number < searched; number += 1) run(number, candidates);
  const score = (candidate: Validated) => {
    const temperature = fitTemperature(candidate, candidate.heldOut);
    const probabilities = calibrated(candidate, candidate.heldOut, () => temperature);
    const y = candidate.heldOut.map((row) => rows.y[row]);
    return measure(probabilities, y, classes).logLoss;
  };
  const scores = candidates.map(score);
  const best = candidates[scores.indexOf(Math.min(...scores))];
  for (let number = searched; number < fitted; number += 1) run(number, [best]);
  best.heldOut.sort((a, b) => a - b);
  return best;
}

interface FitStepOptions {
  tolerance: number;
  checkpoint: (() => void) | undefined;
  /** The loss is the weighted mean over the rows, without the penalty. */
  onStep(step: number, loss: number, parameters: Float64Array): void;
}

function fit(
  rows: LabelledRows,
  classes: number,
  l2: number,
  start: Float64Array | undefined,
  { tolerance, checkpoint, onStep }: FitStepOptions,
): { parameters: Float64Array } {
  const objective = logisticObjective(rows, classes, l2);
  const total = rows.rowWeights.reduce((sum, weight) => sum + weight, 0);
  const from = start ?? new Float64Array(classes * (rows.x.columns + 1));
  const { x } = minimize(objective, from, {
    maxIterations: MAX_ITERATIONS,
    gradientTolerance: tolerance,
    onIteration: (step, value, point) => {
      checkpoint?.();
      onStep(step, value - penalty(point, classes, l2) / total, point);
    },
  });
  return { parameters: x };
}

function select({ x, y, rowWeights }: LabelledRows, rows: number[]): LabelledRows {
  return {
    x: selectRows(x, rows),
    y: Int32Array.from(rows, (row) => y[row]),
    rowWeights: Float64Array.from(rows, (row) => rowWeights[row]),
  };
}

function meanLoss({ x, y, rowWeights }: LabelledRows, parameters: Float64Array, classes: number): number {
  const logits = new Float64Array(x.rows * classes);
  computeLogits(x, parameters, classes, logits);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < x.rows; i += 1) {
    sum += rowWeights[i] * softmaxRow(logits, i * classes, classes, y[i]);
    total += rowWeights[i];
  }
  return total === 0 ? 0 : sum / total;
}

/** Each fold's probabilities, at the temperature of the other folds; of a single fold, at 1. */
function crossCalibrate(held: Validated, folds: Folds, rows: Int32Array): Float32Array {
  const temperatures = Array.from({ length: folds.count }, (_, number) => {
    const others = rows.filter((row) => folds.fold[row] !== number);
    return others.length === 0 ? 1 : fitTemperature(held, others);
  });
  return calibrated(held, rows, (row) => temperatures[folds.fold[row]]);
}

function calibrated(
  { logits, classes }: HeldOutLogits,
  rows: ArrayLike<number>,
  temperature: (row: number) => number,
): Float32Array {
  const out = new Float32Array(rows.length * classes);
  const scaled = new Float64Array(classes);
  for (let k = 0; k < rows.length; k += 1) {
    const t = temperature(rows[k]);
    for (let c = 0; c < classes; c += 1) scaled[c] = logits[rows[k] * classes + c] / t;
    softmaxRow(scaled, 0, classes, 0);
    out.set(scaled, k * classes);
  }
  return out;
}
