import type { Prediction } from '@scion/contracts';
import type { LabelProbabilities } from '../../ports.js';

/** One prediction a row. Below `abstainBelow` the label is null, and its probability is still told. */
export function toPredictions(
  { labels, probabilities }: LabelProbabilities,
  abstainBelow: number,
): Prediction[] {
  const rows = probabilities.length / labels.length;
  return Array.from({ length: rows }, (_, row) => {
    const values = probabilities.subarray(row * labels.length, (row + 1) * labels.length);
    let best = 0;
    for (let index = 1; index < values.length; index += 1) {
      if (values[index]! > values[best]!) best = index;
    }
    const probability = values[best]!;
    const abstained = probability < abstainBelow;
    return {
      label: abstained ? null : labels[best]!,
      probability,
      // fromEntries, because a label may be called `__proto__`.
      probabilities: Object.fromEntries(labels.map((label, index) => [label, values[index]!])),
      abstained,
    };
  });
}
