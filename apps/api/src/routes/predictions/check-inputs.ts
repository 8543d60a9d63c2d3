import { AppError, type FieldError, limits, type ProblemCode } from '@scion/contracts';
import { isWellFormed } from '../../http/text.js';

/** Throws too_many_rows, or one problem for all rows: its code is that of the first fault, `errors` lists each. */
export function checkInputs(inputs: string[]): void {
  const most = limits.predictRowsPerRequest;
  if (inputs.length > most) {
    throw new AppError('too_many_rows', `A request holds at most ${most} inputs, not ${inputs.length}.`, {
      errors: [{ path: '/inputs', message: `must have at most ${most} items` }],
    });
  }
  const faults = inputs.flatMap((input, index) => faultOf(input, `/inputs/${index}`) ?? []);
  const [first] = faults;
  if (first) throw new AppError(first.code, `${first.path} ${first.message}.`, { errors: faults });
}

function faultOf(input: string, path: string): (FieldError & { code: ProblemCode }) | undefined {
  if (input.trim() === '') return { path, code: 'input_empty', message: 'must not be empty' };
  if (input.length > limits.textChars) {
    return { path, code: 'input_too_long', message: `must have at most ${limits.textChars} characters` };
  }
  if (isWellFormed(input)) return undefined;
  return { path, code: 'invalid_request', message: 'must be Unicode text, without unpaired surrogates' };
}
