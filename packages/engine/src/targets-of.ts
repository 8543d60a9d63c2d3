import { type Answer, AppError, kindOfAnswer, limits, type TaskKind } from '@scion/contracts';
import type { Targets } from './head/targets.js';

/** The labels that examples name, sorted; of a regression none. */
export function labelsOf(kind: TaskKind, answers: Answer[]): string[] {
  if (kind === 'regression') return [];
  return [...new Set(answers.flatMap((answer) => (typeof answer === 'number' ? [] : answer)))].sort();
}

/**
 * What examples say, as numbers.
 * @param labels the columns; a label that is not among them leaves no mark
 * @throws AppError label_wrong_kind for a value that float32 cannot reckon with; TypeError when an answer is not of the task's kind
 */
export function targetsOf(kind: TaskKind, answers: Answer[], labels: string[]): Targets {
  if (kind === 'regression') {
    const values = Float32Array.from(answers, (answer) => {
      if (typeof answer !== 'number') throw new TypeError('an answer of a regression is a number');
      if (kindOfAnswer(answer) !== kind)
        throw new AppError(
          'label_wrong_kind',
          `The label of an example is not a number from -${limits.regressionValue} to ${limits.regressionValue}; delete that example or send it again under its id.`,
        );
      return answer;
    });
    return { kind, outputs: 1, values };
  }
  const column = new Map(labels.map((label, at) => [label, at]));
  const values = new Float32Array(answers.length * labels.length);
  for (const [row, answer] of answers.entries()) {
    if (typeof answer === 'number' || Array.isArray(answer) !== (kind === 'multilabel'))
      throw new TypeError(`an answer is not one of a ${kind} task`);
    for (const label of [answer].flat()) {
      const at = column.get(label);
      if (at !== undefined) values[row * labels.length + at] = 1;
    }
  }
  return { kind, outputs: labels.length, values };
}
