/** Predictions. */
import { type Static, Type } from 'typebox';
import { ByLabel, closed, Label, Nullable, Sha256 } from './primitives.js';

export const PredictRequest = Type.Object(
  { inputs: Type.Array(Type.String(), { minItems: 1, examples: [['Your parcel is at the door']] }) },
  closed,
);
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
export const PredictResponse = Type.Object(
  {
    predictions: Type.Union(
      [Type.Array(Prediction), Type.Array(LabelsPrediction), Type.Array(ValuePrediction)],
      {
        description: 'One a row, in the form of the task’s kind',
      },
    ),
    source: Type.Enum(['model', 'zero-shot']),
    version: Nullable(Type.Integer()),
    adapterSha256: Nullable(Sha256),
    baseSha256: Sha256,
  },
  closed,
);

export type LabelsPrediction = Static<typeof LabelsPrediction>;
export type ValuePrediction = Static<typeof ValuePrediction>;
export type Prediction = Static<typeof Prediction>;
export type PredictResponse = Static<typeof PredictResponse>;
