import {
  AppError,
  ExampleInput,
  type FieldError,
  kindOfAnswer,
  limits,
  type ProblemCode,
  type Task,
  type TaskKind,
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
export function checkExamples(rows: Row[], task: Pick<Task, 'kind' | 'labels'>): ExampleInput[] {
  const allowed = task.labels === null ? undefined : new Set(task.labels);
  const faults: Fault[] = [];
  const examples: ExampleInput[] = [];
  for (const row of rows) {
    if (faults.length >= maxFaults) break;
    if (Checked.Check(row.value)) {
      examples.push(row.value);
      faults.push(...contentFaults(row.value, row, task.kind, allowed));
    } else {
      faults.push(...schemaFaults(row, task.kind));
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

function schemaFaults({ value, path }: Row, kind: TaskKind): Fault[] {
  const faults = toFaults(Checked.Errors(value), '');
  const { label } = (value ?? {}) as { label?: unknown };
  // A label that is none of the three kinds fails all of their schemas: said once, as the task's kind has it.
  const others = faults.filter(({ path: pointer }) => label === undefined || !pointer.startsWith('/label'));
  const found = others.map(
    ({ path: pointer, message }): Fault => ({
      path: path(pointer),
      message,
      code: 'invalid_request',
    }),
  );
  if (others.length === faults.length) return found;
  const wrongLength = `must hold labels of 1 to ${limits.labelChars} characters, none twice`;
  return [
    ...found,
    kindOfAnswer(label) === kind
      ? { path: path('/label'), message: wrongLength, code: 'invalid_request' }
      : { path: path('/label'), message: must[kind], code: 'label_wrong_kind' },
  ];
}

/** What the label of an example is, by kind. */
const must: Record<TaskKind, string> = {
  classification: 'must be a string: one label',
  multilabel: 'must be an array of labels',
  regression: `must be a number from -${limits.regressionValue} to ${limits.regressionValue}`,
};

function contentFaults(
  example: ExampleInput,
  { path }: Row,
  kind: TaskKind,
  allowed: Set<string> | undefined,
): Fault[] {
  const faults: Fault[] = [];
  const fault = (pointer: string, code: ProblemCode, message: string) =>
    faults.push({ path: path(pointer), message, code });
  const { id, input, label } = example;
  if (input.trim() === '') fault('/input', 'input_empty', 'must not be empty');
  if (input.length > limits.textChars) {
    fault('/input', 'input_too_long', `must have at most ${limits.textChars} characters`);
  }
  if (kindOfAnswer(label) !== kind) fault('/label', 'label_wrong_kind', must[kind]);
  else if (allowed && [label].flat().some((one) => !allowed.has(String(one)))) {
    fault('/label', 'label_not_allowed', 'must be one of the labels of the task');
  }
  const texts: [string, string | undefined][] = [
    ['id', id],
    ['input', input],
  ];
  for (const one of [label].flat()) if (typeof one === 'string') texts.push(['label', one]);
  for (const [name, text] of texts) {
    if (text !== undefined && !isWellFormed(text)) {
      fault(`/${name}`, 'invalid_request', 'must be Unicode text, without unpaired surrogates');
    }
  }
  return faults;
}
