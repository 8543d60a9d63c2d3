/** The form of every error. */
import { type Static, Type } from 'typebox';
import { closed } from './primitives.js';

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    code: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          { path: Type.String(), message: Type.String(), code: Type.Optional(Type.String()) },
          closed,
        ),
      ),
    ),
  },
  { additionalProperties: true, description: 'RFC 9457 problem document' },
);

export type Problem = Static<typeof Problem>;
