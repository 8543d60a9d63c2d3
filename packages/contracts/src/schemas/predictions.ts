/** Predictions. */
import { type Static, Type } from 'typebox';
import { ByLabel, closed, Label, Nullable, Sha256 } from './primitives.js';

export const PredictRequest = Type.Object(
  { inputs: Type.Array(Type.String(), { minItems: 1, examples: [['Your parcel is at the door']] }) },
  closed,
);
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
export const PredictResponse = Type.Object(
  {
    predictions: Type.Array(Prediction),
    source: Type.Enum(['model', 'zero-shot']),
    version: Nullable(Type.Integer()),
    adapterSha256: Nullable(Sha256),
    baseSha256: Sha256,
  },
  closed,
);

export type Prediction = Static<typeof Prediction>;
export type PredictResponse = Static<typeof PredictResponse>;
