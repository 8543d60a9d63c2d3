import type { Metrics } from '@scion/sdk';
import { loss, percent, points, rate } from '../format.js';

/** What a version or a baseline scored; which of them there are depends on the kind of the task. */
export type Scores = Metrics;

export interface Measure {
  name: string;
  of(scores: Scores): number | undefined;
  show(value: number): string;
  /** How a difference is said; default like a value. */
  difference?(value: number): string;
  better: 'more' | 'less';
}

/** All that versions are judged by, the most telling first. */
const measures: readonly Measure[] = [
  share('Accuracy', ({ accuracy }) => accuracy),
  share('R²', ({ r2 }) => r2),
  share('Macro F1', ({ macroF1 }) => macroF1),
  { name: 'Log loss, nats', of: ({ logLoss }) => logLoss, show: loss, better: 'less' },
  {
    ...share('Calibration error', ({ calibrationError }) => calibrationError),
    better: 'less',
  },
  { name: 'Mean error', of: ({ mae }) => mae, show: rate, better: 'less' },
  { name: 'Root mean square error', of: ({ rmse }) => rmse, show: rate, better: 'less' },
];

/** Those that there are. */
export function measuresOf(scores: Scores): Measure[] {
  return measures.filter(({ of }) => of(scores) !== undefined);
}

/** The one number that stands for all: accuracy, or R² of a regression. */
export function mainScore(scores: Scores): { name: string; value: number; shown: string } {
  const measure = measuresOf(scores)[0];
  const value = measure?.of(scores) ?? 0;
  return { name: measure?.name ?? 'Score', value, shown: measure ? measure.show(value) : '–' };
}

export function show({ of, show }: Measure, scores: Scores): string {
  const value = of(scores);
  return value === undefined ? '–' : show(value);
}

function share(name: string, of: Measure['of']): Measure {
  return { name, of, show: percent, difference: points, better: 'more' };
}
