/** How a task's models are trained: everything may be set, nothing must. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { closed } from './primitives.js';

export const Method = Type.Enum(['head', 'lora', 'auto'], {
  description:
    '`head`: a linear layer on the frozen base, in about a second. `lora`: low-rank adapters in the upper layers as well. `auto` (the default): the head first, live at once, then adapters, kept only where cross-validation on the user’s own examples says that they win.',
});
export const Training = Type.Object(
  {
    method: Type.Optional(Method),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 4_294_967_295,
        description: 'Default: of the model’s names, so that every retraining draws alike',
      }),
    ),
    rank: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.loraRank, default: 8 })),
    alpha: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_024,
        description: 'Adapters are scaled by alpha / rank; default: twice the rank',
      }),
    ),
    epochs: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'At most; training may stop earlier' }),
    ),
    batchRows: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    adapterRate: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Largest learning rate of the adapters' }),
    ),
    headRate: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Largest learning rate of the head' }),
    ),
    weightDecay: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    labelSmoothing: Type.Optional(Type.Number({ minimum: 0, maximum: 0.5 })),
    folds: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 10, description: 'Of the adapters’ cross-validation' }),
    ),
    warmStart: Type.Optional(
      Type.Boolean({
        description:
          'Whether adapters go on from those of the live version where at most half as many rows have come since they were last trained from scratch, none of theirs has gone or changed, and labels, recipe and seed are the same; every fifth time from scratch all the same: in two thirds of the time, for much the same result. Default true. False, and training depends on examples and seed alone',
      }),
    ),
    classBalance: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'How far rare labels are weighted up: 0 not at all, 1 until every label weighs the same. Default 0: as often as they occur',
      }),
    ),
  },
  { ...closed, description: 'How models are trained. Left out: as suits most tasks' },
);

export type Method = Static<typeof Method>;
export type Training = Static<typeof Training>;
