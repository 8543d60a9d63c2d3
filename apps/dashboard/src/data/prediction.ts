import type { ExampleInput, PredictResponse } from '@scion/sdk';

/** What a model says of one text, by the kind of its task. */
export type AnyPrediction = PredictResponse['predictions'][number];
/** What a person says of it: the label of an example. */
export type Answer = ExampleInput['label'];

/** In words; null where it abstains. */
export function saidIn(prediction: AnyPrediction): string | null {
  if ('value' in prediction) return String(Number(prediction.value.toPrecision(4)));
  if ('label' in prediction) return prediction.label;
  return prediction.abstained ? null : prediction.labels.join(', ') || 'no label';
}

/** Whether a label is (among) what it says. */
export function says(prediction: AnyPrediction, label: string): boolean {
  if ('label' in prediction) return prediction.label === label;
  return 'labels' in prediction && prediction.labels.includes(label);
}

/** By label; a value has none. */
export function probabilitiesOf(prediction: AnyPrediction): Record<string, number> {
  return 'probabilities' in prediction ? prediction.probabilities : {};
}

/** What could be right instead: another label, or one label more or less. A value is corrected by another value. */
export function corrections(
  prediction: AnyPrediction,
  labels: readonly string[],
): { shown: string; answer: Answer }[] {
  if ('value' in prediction) return [];
  if ('label' in prediction) {
    return labels
      .filter((label) => label !== prediction.label)
      .map((label) => ({ shown: label, answer: label }));
  }
  return labels.map((label) =>
    prediction.labels.includes(label)
      ? { shown: `not ${label}`, answer: prediction.labels.filter((one) => one !== label) }
      : { shown: `also ${label}`, answer: [...prediction.labels, label] },
  );
}
