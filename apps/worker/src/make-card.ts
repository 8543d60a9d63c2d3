import type { Card, Evaluation, TaskKind } from '@scion/contracts';
import { confusionMatrix, labelScores, reliability, type TrainedModel, targetsOf } from '@scion/engine';
import type { NewJobEvent } from '@scion/queue';
import type { TrainingData } from './training-data.js';

/** More labels than this make a matrix that nobody reads. */
const CONFUSION_LABELS = 32;
/** Points of a card's curves, however long the training was. */
const CURVE_POINTS = 200;

/** What a card says of a model's answers to rows that it had not seen. */
export function evaluate(
  kind: TaskKind,
  { examples }: Pick<TrainingData, 'examples'>,
  { labels, outOfFold: { rows, predictions } }: Pick<TrainedModel, 'labels' | 'outOfFold'>,
  metrics: NewJobEvent[],
): Evaluation {
  const curve = thinned(metrics, CURVE_POINTS);
  if (kind === 'regression') return { curve };
  const targets = targetsOf(
    kind,
    examples.map(({ label }) => label),
    labels,
  );
  return {
    labels: labelScores(predictions, targets, rows),
    ...(kind === 'classification' &&
      labels.length <= CONFUSION_LABELS && { confusion: confusionMatrix(predictions, targets, rows) }),
    reliability: reliability(predictions, targets, rows),
    curve,
  };
}

/** Every n-th point of each series and its last one, so that all series together have some `most` points. */
function thinned(metrics: NewJobEvent[], most: number): Evaluation['curve'] {
  const series = new Map<string, Evaluation['curve']>();
  for (const { series: name, step, loss, validationLoss } of metrics) {
    if (name === undefined || step === undefined) continue;
    const point = {
      ...{ series: name, step },
      ...(loss !== undefined && { loss }),
      ...(validationLoss !== undefined && { validationLoss }),
    };
    series.set(name, [...(series.get(name) ?? []), point]);
  }
  const stride = Math.max(1, Math.ceil(metrics.length / most));
  return [...series.values()].flatMap((points) =>
    points.filter((_, at) => at % stride === 0 || at === points.length - 1),
  );
}

/** The fields that a card takes from the data as it is. */
export function dataFields({
  examples,
  dataSha256,
  counts,
}: TrainingData): Pick<Card, 'examples' | 'examplesPerLabel' | 'dataSha256'> {
  return { examples: examples.length, examplesPerLabel: Object.fromEntries(counts), dataSha256 };
}
