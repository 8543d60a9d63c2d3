/** Tasks: what is personalized, and by which policy. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { closed, Label, Nullable, TaskName, Timestamp } from './primitives.js';

export const Untrained = Type.Enum(['error', 'zero-shot'], {
  default: 'error',
  description:
    'What a user without a trained model gets: a 409, or the label whose name lies nearest to the input in the base’s embedding space (needs `labels`; the answer says `source: "zero-shot"`)',
});
export const TaskSpec = Type.Object(
  {
    kind: Type.Optional(Type.Enum(['classification'], { default: 'classification' })),
    modality: Type.Optional(Type.Enum(['text'], { default: 'text' })),
    labels: Type.Optional(
      Type.Array(Label, {
        minItems: 2,
        maxItems: limits.labelsPerTask,
        uniqueItems: true,
        description: 'The closed label set. Left out, each user’s labels are those of their examples.',
      }),
    ),
    minExamplesPerLabel: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 1_000,
        default: 2,
        description: 'Fewer than this and a job is refused',
      }),
    ),
    untrained: Type.Optional(Untrained),
    abstainBelow: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0,
        description: 'Predictions less probable than this abstain',
      }),
    ),
  },
  closed,
);
export const Task = Type.Object(
  {
    name: TaskName,
    kind: Type.Enum(['classification']),
    modality: Type.Enum(['text']),
    base: Type.String({ description: 'The frozen base model that all users of the task share' }),
    labels: Nullable(Type.Array(Label)),
    minExamplesPerLabel: Type.Integer(),
    untrained: Type.Enum(['error', 'zero-shot']),
    abstainBelow: Type.Number(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  closed,
);

export type TaskSpec = Static<typeof TaskSpec>;
export type Task = Static<typeof Task>;
