/** Tasks: what is personalized, and by which policy. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { closed, Label, Nullable, TaskKind, TaskName, Timestamp } from './primitives.js';
import { Training } from './training.js';

export const Untrained = Type.Enum(['error', 'zero-shot', 'majority'], {
  default: 'error',
  description:
    'What a user without a trained model gets: a 409; the label whose name lies nearest to the input in the base’s embedding space (`zero-shot`, needs `labels`); or the shares of the labels among the user’s first examples, whatever the input (`majority`). `source` of an answer says which.',
});
/** What a task keeps that does not say. */
export const defaultRetention = { lastVersions: 10, liveDays: 30 } as const;
export const Retention = Type.Object(
  {
    lastVersions: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      description: 'The newest versions, this many, are kept',
    }),
    liveDays: Type.Integer({
      minimum: 0,
      maximum: 3_650,
      description: 'So is every version that was live in this many days',
    }),
  },
  {
    ...closed,
    description:
      'Which versions outlive a later one; the live and the pinned ones always do. Left out: 10 versions and 30 days.',
  },
);
/** One cron field of numbers: all of them, every n-th, or a list. */
const cronField = (number: string): string => `(\\*(/[1-9]\\d?)?|${number}(,${number})*)`;
/**
 * Minute, hour, day of month, month, day of week. The minute is one number, so that the least distance is an hour; no day
 * of a month beyond the 28th, so that every schedule has a next moment.
 */
const cronPattern = [
  '[0-5]?\\d',
  cronField('([01]?\\d|2[0-3])'),
  cronField('(0?[1-9]|1\\d|2[0-8])'),
  cronField('(0?[1-9]|1[0-2])'),
  cronField('[0-6]'),
].join(' ');

export const Retrain = Type.Object(
  {
    afterExamples: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.examplesPerModel,
        description: 'Train when this many of a user’s examples are new or changed since the newest version',
      }),
    ),
    atMostEverySeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        default: 0,
        description: 'But not sooner than this after the user’s last job',
      }),
    ),
    nightly: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Train once a night (from 02:00 UTC, spread over four hours) who has any new or changed example',
      }),
    ),
    schedule: Type.Optional(
      Type.String({
        pattern: `^${cronPattern}$`,
        maxLength: 200,
        description:
          'Train at these moments (spread over half an hour) who has any new or changed example: five cron fields in UTC, minute, hour, day of month, month, day of week (0 is Sunday), each a number, a list of them, `*` or `*/n`; the minute a number, days of a month up to the 28th',
        examples: ['30 */6 * * *', '0 18 * * 1,3,5'],
      }),
    ),
  },
  {
    ...closed,
    description:
      'When to train without being asked, as bulk jobs. Left out: never. A user whose last job failed is left alone for a day.',
  },
);
const MaxExamplesPerUser = Type.Integer({
  minimum: 2,
  maximum: limits.examplesPerModel,
  description: 'Examples one user may keep for the task; left out, as many as the deployment allows',
});
export const TaskSpec = Type.Object(
  {
    retrain: Type.Optional(Retrain),
    kind: Type.Optional({
      ...TaskKind,
      default: 'classification',
      description: 'One label an example, any number of labels, or a number',
    }),
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
    retention: Type.Optional(Retention),
    maxExamplesPerUser: Type.Optional(MaxExamplesPerUser),
    training: Type.Optional(Training),
  },
  closed,
);
export const Task = Type.Object(
  {
    name: TaskName,
    kind: TaskKind,
    modality: Type.Enum(['text']),
    base: Type.String({
      description:
        'The frozen base model that all users of the task share: the one that the service ran on when the task was last put',
    }),
    labels: Nullable(Type.Array(Label)),
    minExamplesPerLabel: Type.Integer(),
    untrained: Type.Enum(['error', 'zero-shot', 'majority']),
    abstainBelow: Type.Number(),
    retention: Type.Optional(Retention),
    retrain: Type.Optional(Retrain),
    maxExamplesPerUser: Type.Optional(MaxExamplesPerUser),
    training: Type.Optional(Training),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  closed,
);

export type Retrain = Static<typeof Retrain>;
export type TaskSpec = Static<typeof TaskSpec>;
export type Retention = Static<typeof Retention>;
export type Task = Static<typeof Task>;
