import type { PredictResponse, PredictUsersResponse } from '@scion/contracts';
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

export interface PredictUsersInput {
  task: string;
  /** Each once; at most 1000, and at most 4000 inputs times users. */
  users: string[];
  inputs: string[];
}

/**
 * Asks many users' live models of the same inputs, which costs far less than to ask one after another. Results are in the
 * order of `users`; a user whose model cannot answer has a `problem` in its place, and does not make the call reject.
 */
export type PredictUsers = (input: PredictUsersInput, options?: CallOptions) => Promise<PredictUsersResponse>;

export function createPredictUsers({ request }: Transport): PredictUsers {
  return ({ task, users, inputs }, options) =>
    request({
      method: 'POST',
      path: path`/v1/tasks/${task}/predict`,
      body: { inputs, users },
      idempotent: true,
      options,
    });
}
