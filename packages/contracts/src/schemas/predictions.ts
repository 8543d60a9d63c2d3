/** Predictions. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { ByLabel, closed, Label, Nullable, Sha256, UserId } from './primitives.js';

export const PredictRequest = Type.Object(
  { inputs: Type.Array(Type.String(), { minItems: 1, examples: [['Your parcel is at the door']] }) },
  closed,
);
/** What an answer is made of: a trained model, or what the task wants for users without one. */
export const PredictionSource = Type.Enum(['model', 'zero-shot', 'majority']);
/** Of a classification task. */
export const Prediction = Type.Object(
  {
    label: Nullable(Label),
    probability: Type.Number({ description: 'Calibrated probability of the most likely label' }),
    probabilities: ByLabel(Type.Number()),
    abstained: Type.Boolean({
      description: 'True when `probability` is below the task’s `abstainBelow`; label is null',
    }),
  },
  closed,
);
/** Of a multilabel task. */
export const LabelsPrediction = Type.Object(
  {
    labels: Type.Array(Label, { description: 'Those that are likelier than not' }),
    probabilities: ByLabel(Type.Number()),
    abstained: Type.Boolean({
      description:
        'True when neither the presence nor the absence of some label is as probable as `abstainBelow`',
    }),
  },
  closed,
);
/** Of a regression task. */
export const ValuePrediction = Type.Object({ value: Type.Number() }, closed);
/** One a row, in the form of the task's kind. */
const Predictions = Type.Union(
  [Type.Array(Prediction), Type.Array(LabelsPrediction), Type.Array(ValuePrediction)],
  { description: 'One an input, in the form of the task’s kind' },
);
export const PredictResponse = Type.Object(
  {
    predictions: Predictions,
    source: PredictionSource,
    version: Nullable(Type.Integer()),
    adapterSha256: Nullable(Sha256),
    baseSha256: Sha256,
  },
  closed,
);

export const PredictUsersRequest = Type.Object(
  {
    inputs: Type.Array(Type.String(), { minItems: 1, examples: [['Your parcel is at the door']] }),
    users: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: limits.predictUsersPerRequest,
      uniqueItems: true,
      description: 'Your own ids of the end users; not percent-encoded here',
      examples: [['ada@example.com', 'bob@example.com']],
    }),
  },
  closed,
);
export const PrefetchRequest = Type.Pick(PredictUsersRequest, ['users'], closed);
export const Prefetched = Type.Object(
  { models: Type.Integer({ description: 'Users who have a live model, which is now being loaded' }) },
  closed,
);
export const UserAnswer = Type.Union([
  Type.Object(
    {
      user: UserId,
      predictions: Predictions,
      source: PredictionSource,
      version: Nullable(Type.Integer()),
      adapterSha256: Nullable(Sha256),
    },
    closed,
  ),
  Type.Object(
    {
      user: UserId,
      problem: Type.Object({ code: Type.String(), detail: Type.String() }, closed),
    },
    closed,
  ),
]);
export const PredictUsersResponse = Type.Object(
  {
    results: Type.Array(UserAnswer, { description: 'In the order of `users`' }),
    baseSha256: Sha256,
  },
  closed,
);

export type PredictionSource = Static<typeof PredictionSource>;
export type UserAnswer = Static<typeof UserAnswer>;
export type PredictUsersResponse = Static<typeof PredictUsersResponse>;
export type LabelsPrediction = Static<typeof LabelsPrediction>;
export type ValuePrediction = Static<typeof ValuePrediction>;
export type Prediction = Static<typeof Prediction>;
export type PredictResponse = Static<typeof PredictResponse>;
