import { invalidCall, ScionError } from './errors.js';

/** JSON of what a caller gave. */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw invalidCall(
      'Its arguments hold what JSON cannot say, a BigInt or a circle, say; `cause` tells which.',
      cause,
    );
  }
}

/** JSON of an answer, or of a part of it. */
export function parseJson(text: string, { status }: Response): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ScionError({
      code: 'unexpected_response',
      title: `HTTP ${status}`,
      detail: 'The answer is not JSON; is the base URL that of a Scion API?',
      status,
      cause,
    });
  }
}
