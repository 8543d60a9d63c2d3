/** Labelled examples. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { Answer, closed, Timestamp } from './primitives.js';

export const ExampleInput = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: limits.exampleIdChars,
        description:
          'Yours, or ours when left out. Sent again it replaces the example of that id; unchanged, it is a no-op.',
      }),
    ),
    input: Type.String({ description: 'The text', examples: ['Invoice overdue: second reminder'] }),
    label: Answer,
    weight: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1_000, default: 1 })),
  },
  closed,
);
export const Example = Type.Object(
  { id: Type.String(), input: Type.String(), label: Answer, weight: Type.Number(), createdAt: Timestamp },
  closed,
);
export const ExamplesAppend = Type.Object(
  { examples: Type.Array(ExampleInput, { minItems: 1 }) },
  {
    ...closed,
    description: 'At most 1000 examples; with `application/x-ndjson`, one example a line instead',
  },
);
export const ExamplesAppended = Type.Object(
  {
    accepted: Type.Integer({ description: 'New examples stored' }),
    replaced: Type.Integer({ description: 'Examples whose id was known, with other content' }),
    duplicates: Type.Integer({ description: 'Examples already stored exactly so' }),
    ids: Type.Array(Type.String(), { description: 'In the order sent' }),
    total: Type.Integer({ description: 'Examples of this user for this task now' }),
  },
  closed,
);
export const Compaction = Type.Object(
  {
    before: Type.Integer({ description: 'Segments there were' }),
    after: Type.Integer({ description: 'Segments there are' }),
    examples: Type.Integer({ description: 'Examples there are' }),
  },
  closed,
);

export type ExampleInput = Static<typeof ExampleInput>;
export type Example = Static<typeof Example>;
export type Compaction = Static<typeof Compaction>;
export type ExamplesAppended = Static<typeof ExamplesAppended>;
