import type { PredictResponse } from '@scion/contracts';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

export interface PredictInput {
  task: string;
  user: string;
  /** At most 256 texts. */
  inputs: string[];
}

/** Asks one user's live model; needs scope `predict`. Answers are in the order of `inputs`. */
export type Predict = (input: PredictInput, options?: CallOptions) => Promise<PredictResponse>;

export function createPredict({ request }: Transport): Predict {
  return ({ task, user, inputs }, options) =>
    request({
      method: 'POST',
      path: path`/v1/tasks/${task}/users/${user}/predict`,
      body: { inputs },
      idempotent: true,
      options,
    });
}
