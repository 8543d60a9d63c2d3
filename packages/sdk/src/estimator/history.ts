import type { GateDecision, Metrics } from '@scion/contracts';
import type { JobMetric } from '../job-metrics.js';

/** What a fit was. */
export interface History {
  /** Every point of the loss curves. */
  metrics: JobMetric[];
  /** The version that answers now, and how it was trained; null where there is none. */
  version: number | null;
  method: 'head' | 'lora' | null;
  /** Cross-validated figures and the decision; null when the fit was stopped before. */
  gate: GateDecision | null;
  /** On the rows held back by `validationSplit`. */
  validation: Metrics | null;
  /** Why it was stopped early, by a callback or because somebody cancelled its job; null when it was not. */
  stopped: string | null;
  seconds: number;
}
