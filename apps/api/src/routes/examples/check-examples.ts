import {
  AppError,
  ExampleInput,
  type FieldError,
  limits,
  type ProblemCode,
  type Task,
} from '@scion/contracts';
import { Compile } from 'typebox/compile';
import { isWellFormed } from '../../http/text.js';
import { toFaults } from '../../http/validation.js';
import type { Row } from './rows.js';

const maxFaults = 50;
const Checked = Compile(ExampleInput);

interface Fault extends FieldError {
  code: ProblemCode;
}

/**
 * Checks every row against its schema and its task. Throws one problem for all of them: its code is that of the first
 * fault, and `errors` carries each with its own.
 */
export function checkExamples(rows: Row[], task: Pick<Task, 'labels'>): ExampleInput[] {
  const allowed = task.labels === null ? undefined : new Set(task.labels);
  const faults: Fault[] = [];
  const examples: ExampleInput[] = [];
  for (const row of rows) {
    if (faults.length >= maxFaults) break;
    if (Checked.Check(row.value)) {
      examples.push(row.value);
      faults.push(...contentFaults(row.value, row, allowed));
    } else {
      faults.push(...schemaFaults(row));
    }
  }
  const [first] = faults;
  if (!first) return examples;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  throw new AppError(
    first.code,
    `${first.path} ${first.message}${more}. Nothing of the request was stored.`,
    {
      errors: faults,
    },
  );
}

function schemaFaults({ value, path }: Row): Fault[] {
  return toFaults(Checked.Errors(value), '').map(({ path: pointer, message }) => ({
    path: path(pointer),
    message,
    code: pointer === '/label' && message === 'must be a string' ? 'label_wrong_kind' : 'invalid_request',
  }));
}

function contentFaults(example: ExampleInput, { path }: Row, allowed: Set<string> | undefined): Fault[] {
  const faults: Fault[] = [];
  const fault = (pointer: string, code: ProblemCode, message: string) =>
    faults.push({ path: path(pointer), message, code });
  const { id, input, label } = example;
  if (input.trim() === '') fault('/input', 'input_empty', 'must not be empty');
  if (input.length > limits.textChars) {
    fault('/input', 'input_too_long', `must have at most ${limits.textChars} characters`);
  }
  if (allowed && !allowed.has(label)) {
    fault('/label', 'label_not_allowed', 'must be one of the labels of the task');
  }
  for (const [name, text] of Object.entries({ id, input, label })) {
    if (text !== undefined && !isWellFormed(text)) {
      fault(`/${name}`, 'invalid_request', 'must be Unicode text, without unpaired surrogates');
    }
  }
  return faults;
}
