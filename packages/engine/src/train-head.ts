import { AppError, type Metrics } from '@scion/contracts';
import { featuresOf } from './features.js';
import type { FitEvent } from './head/fit-head.js';
import type { Scheduler } from './scheduler.js';

export interface TrainHeadInput {
  texts: string[];
  labels: string[];
  /** Positive; 1 each when left out. A row of weight 2 counts as that row twice. */
  weights?: number[];
  /** Distinct. Rows are trained on in the order of their ids, so that the result does not hang on the order given. */
  ids: string[];
}

export interface TrainHeadOptions {
  seed: number;
  signal?: AbortSignal;
  onEvent?(event: FitEvent): void;
  /** Penalties to choose among, instead of the default ones. */
  l2Grid?: readonly number[];
}

export interface TrainedHead {
  /** Sorted; the order of the weight's rows. */
  labels: string[];
  /** labels × features */
  weight: Float32Array;
  bias: Float32Array;
  recipe: { l2: number; folds: number; seed: number; temperature: number };
  seconds: { embed: number; fit: number };
  /** Which rows of the input were held out once, and what a head that had not seen them says: rows × labels. */
  outOfFold: { rows: number[]; probabilities: Float32Array };
  /** Of those. */
  metrics: Metrics;
}

/** @throws AppError too_few_examples with fewer than two labels; the signal's reason */
export async function trainHead(
  { scheduler, featureSize }: { scheduler: Scheduler; featureSize: number },
  input: TrainHeadInput,
  { seed, signal, onEvent, l2Grid }: TrainHeadOptions,
): Promise<TrainedHead> {
  const { texts, ids } = input;
  const count = texts.length;
  const weights = input.weights ?? texts.map(() => 1);
  if (input.labels.length !== count || ids.length !== count || weights.length !== count)
    throw new TypeError('texts, labels, ids and weights differ in length');
  if (new Set(ids).size !== count) throw new TypeError('ids are not distinct');
  if (!weights.every((weight) => weight > 0 && Number.isFinite(weight)))
    throw new TypeError('a weight is not a positive number');
  const labels = [...new Set(input.labels)].sort();
  if (labels.length < 2)
    throw new AppError('too_few_examples', 'Training needs examples of two labels at least.');

  const order = texts.map((_, row) => row).sort((a, b) => (ids[a] < ids[b] ? -1 : 1));
  const ordered = order.map((row) => texts[row]);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const groupOf = new Map(ordered.map((text, at) => [text, at]));

  const startedAt = performance.now();
  const features = await featuresOf(scheduler, ordered, { bulk: true, signal });
  const embeddedAt = performance.now();
  const data = {
    features,
    columns: featureSize,
    y: Int32Array.from(order, (row) => classOf.get(input.labels[row])!),
    classes: labels.length,
    rowWeights: Float64Array.from(order, (row) => weights[row]),
    groups: Int32Array.from(ordered, (text) => groupOf.get(text)!),
  };
  const fitted = await scheduler.fit(data, { seed, signal, onEvent, ...(l2Grid && { grid: l2Grid }) });
  const fittedAt = performance.now();
  return {
    labels,
    weight: fitted.weight,
    bias: fitted.bias,
    recipe: { ...fitted.recipe, seed },
    seconds: { embed: (embeddedAt - startedAt) / 1_000, fit: (fittedAt - embeddedAt) / 1_000 },
    outOfFold: {
      rows: Array.from(fitted.outOfFold.rows, (row) => order[row]),
      probabilities: fitted.outOfFold.probabilities,
    },
    metrics: fitted.metrics,
  };
}
