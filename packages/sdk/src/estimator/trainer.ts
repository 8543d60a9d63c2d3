import type { Answer, GateDecision, PredictResponse, TaskKind, Training } from '@scion/contracts';
import type { JobMetric } from '../job-metrics.js';

/** One labelled row, named so that sending it again changes nothing. */
export interface TrainingRow {
  id: string;
  input: string;
  label: Answer;
  weight?: number | undefined;
}

export interface TrainRequest {
  rows: TrainingRow[];
  /** Whether what was learnt from before is learnt from again. */
  keepOthers: boolean;
  training: Training;
  /** Whether a version that does not win over what there is stays out of use. */
  gate: boolean;
  signal: AbortSignal;
  onMetric(metric: JobMetric): void;
  /** @param share of the whole, 0 to 1 */
  onProgress(share: number, stage: string): void;
}

export interface TrainOutcome {
  /** The version that answers now; null where there is none yet. */
  version: number | null;
  method: 'head' | 'lora' | null;
  /** What the gate said of the last version judged; null when training was stopped before. */
  gate: GateDecision | null;
  /** Whether it ended early: by the signal, or because somebody cancelled its job. What was live by then stays live. */
  stopped: boolean;
}

/** Where a `Personalizer` trains and predicts: a service, or this process. Speaks for one task. */
export interface Trainer {
  kind(): Promise<TaskKind>;
  train(user: string, request: TrainRequest): Promise<TrainOutcome>;
  predict(user: string, inputs: readonly string[]): Promise<PredictResponse['predictions']>;
  /** Removes everything of a user. */
  forget(user: string): Promise<void>;
  close(): Promise<void>;
}
