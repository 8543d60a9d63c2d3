import type { JobEvent } from '@scion/contracts';

/** One point of a job's loss curves. */
export interface JobMetric {
  /** Which fit it belongs to: `fold 1 of 5`, `final` … */
  series: string;
  /** Optimizer step within the fit, ascending. */
  step: number;
  /** Mean training loss: cross-entropy in nats, or half the squared error of values scaled to a variance of 1. */
  loss: number;
  /** The same on rows held out of this fit; undefined where none are. */
  validationLoss?: number | undefined;
  /** Counts from 1; a job whose worker died tells its curves anew under the next number. */
  attempt: number;
}

/** The points of the loss curves among a job's events. */
export async function* jobMetrics(events: AsyncIterable<JobEvent>): AsyncGenerator<JobMetric, void> {
  let attempt = 1;
  let seen = 0;
  for await (const { type, seq, series = 'loss', step, loss, validationLoss } of events) {
    if (seq <= seen) attempt += 1;
    seen = seq;
    if (type !== 'metric' || step === undefined || loss === undefined) continue;
    yield { series, step, loss, ...(validationLoss !== undefined && { validationLoss }), attempt };
  }
}
