import { AppError, limits } from '@scion/contracts';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { NdjsonBody } from '../../http/ndjson.js';
import { invalidRequest, toFaults } from '../../http/validation.js';

/** One row of a request, wherever it stood. */
export interface Row {
  value: unknown;
  /** Puts a JSON Pointer into the row into the words of a fault's `path`. */
  path(pointer: string): string;
}

const Envelope = Compile(
  Type.Object({ examples: Type.Array(Type.Unknown(), { minItems: 1 }) }, { additionalProperties: false }),
);

/** The rows of a JSON or NDJSON body. Throws invalid_request when there is none, too_many_rows. */
export function toRows(body: unknown): Row[] {
  if (body instanceof NdjsonBody) {
    if (body.rows.length > 0) {
      return body.rows.map(({ line, value }) => ({
        value,
        path: (pointer) => (pointer ? `line ${line} ${pointer}` : `line ${line}`),
      }));
    }
    throw new AppError('invalid_request', 'The body holds no example.');
  }
  if (!Envelope.Check(body)) throw invalidRequest('body', toFaults(Envelope.Errors(body), ''));
  const { examples } = body;
  if (examples.length > limits.examplesPerRequest) {
    throw new AppError(
      'too_many_rows',
      `A request holds at most ${limits.examplesPerRequest} examples, not ${examples.length}.`,
      { errors: [{ path: '/examples', message: `must have at most ${limits.examplesPerRequest} items` }] },
    );
  }
  return examples.map((value, index) => ({ value, path: (pointer) => `/examples/${index}${pointer}` }));
}
