import type { FitEvent } from '../head/fit-head.js';
import { measure } from '../head/metrics.js';
import type { Targets } from '../head/targets.js';
import type { FitState } from '../thread/protocol.js';
import type { FitProgress } from './trainer.js';

/** Turns the steps of several fits into events: a point for each slice of steps, and the pace of all of them together. */
export function createProgress({
  onEvent,
  names,
  examples: planned,
}: {
  onEvent?: ((event: FitEvent) => void) | undefined;
  /** By fit. */
  names: string[];
  /** Rows that all fits train on in all. */
  examples: number;
}) {
  const startedAt = performance.now();
  let done = 0;
  const pace = () => {
    const examplesPerSecond = done / ((performance.now() - startedAt) / 1_000);
    return { examplesPerSecond, etaSeconds: Math.max(0, planned - done) / examplesPerSecond };
  };
  return {
    steps(fit: number, { state, losses, examples }: FitProgress): void {
      done += examples;
      onEvent?.({
        series: names[fit],
        step: state.step,
        loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
        ...pace(),
      });
    },
    /** After an epoch: the held-out rows of all folds. */
    validated(states: FitState[], targets: Targets, predictions: Float32Array, validationLoss: number): void {
      const rows = Array.from({ length: predictions.length / targets.outputs }, (_, row) => row);
      const { accuracy, r2 } = measure(predictions, targets, rows);
      onEvent?.({
        series: 'lora held out',
        step: states.at(-1)!.step,
        validationLoss,
        validationScore: accuracy ?? r2 ?? 0,
        ...pace(),
      });
    },
  };
}
