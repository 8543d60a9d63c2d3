import type { LabelsPrediction, Prediction, PredictResponse, Task, ValuePrediction } from '@scion/contracts';
import type { LabelProbabilities } from '../../ports.js';

/** One prediction a row, in the form of the task's kind. */
export function toPredictions(
  answer: LabelProbabilities,
  { kind, abstainBelow }: Pick<Task, 'kind' | 'abstainBelow'>,
): PredictResponse['predictions'] {
  if (kind === 'regression') return Array.from(answer.probabilities, (value): ValuePrediction => ({ value }));
  const { labels, probabilities } = answer;
  const rows = Array.from({ length: probabilities.length / labels.length }, (_, row) =>
    probabilities.subarray(row * labels.length, (row + 1) * labels.length),
  );
  return kind === 'multilabel'
    ? rows.map((values) => severalLabels(labels, values, abstainBelow))
    : rows.map((values) => oneLabel(labels, values, abstainBelow));
}

/** Below `abstainBelow` the label is null, and its probability is still told. */
function oneLabel(labels: string[], values: Float32Array, abstainBelow: number): Prediction {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    if (values[index]! > values[best]!) best = index;
  }
  const probability = values[best]!;
  const abstained = probability < abstainBelow;
  return {
    label: abstained ? null : labels[best]!,
    probability,
    probabilities: byLabel(labels, values),
    abstained,
  };
}

/** Each label is there or not by its own probability; the row abstains where one of them is too near to a coin's toss. */
function severalLabels(labels: string[], values: Float32Array, abstainBelow: number): LabelsPrediction {
  return {
    labels: labels.filter((_, index) => values[index]! >= 0.5),
    probabilities: byLabel(labels, values),
    abstained: values.some((p) => Math.max(p, 1 - p) < abstainBelow),
  };
}

/** From entries, because a label may be called `__proto__`. */
function byLabel(labels: string[], values: Float32Array): Record<string, number> {
  return Object.fromEntries(labels.map((label, index) => [label, values[index]!]));
}
