import type { PredictUsersResponse, UserAnswer } from '@scion/sdk';
import type { AnyPrediction } from './prediction.js';

/** What one user's model said of a text, and what it said of this very text before it learnt. */
export interface Answered {
  answer: UserAnswer;
  before: { prediction: AnyPrediction; version: number | null } | undefined;
}

/** What several users' models said of one text, by user. */
export interface Answers {
  text: string;
  byUser: ReadonlyMap<string, Answered>;
}

/** A response, compared with what was known: an answer of another version to the same text replaces one. */
export function answersOf(
  known: Answers | undefined,
  text: string,
  { results }: PredictUsersResponse,
): Answers {
  const earlier = known?.text === text ? known.byUser : undefined;
  return {
    text,
    byUser: new Map(
      results.map((answer) => [answer.user, { answer, before: beforeOf(earlier?.get(answer.user), answer) }]),
    ),
  };
}

function beforeOf(last: Answered | undefined, next: UserAnswer): Answered['before'] {
  if (!last || 'problem' in last.answer || 'problem' in next) return undefined;
  if (last.answer.version === next.version) return last.before;
  const [prediction] = last.answer.predictions;
  return prediction && { prediction, version: last.answer.version };
}
