import { AppError } from './errors.js';
import { limits } from './limits.js';
import type { TaskKind } from './schemas/primitives.js';

/** The kind of task that a label answers, undefined for what is no label. */
export function kindOfAnswer(label: unknown): TaskKind | undefined {
  if (typeof label === 'string') return 'classification';
  if (typeof label === 'number') return Math.abs(label) <= limits.regressionValue ? 'regression' : undefined;
  return Array.isArray(label) ? 'multilabel' : undefined;
}

/**
 * Throws label_wrong_kind where an example is not of the task's kind: it was stored for a task of the same name that has
 * been deleted, and nothing can be learnt from it here.
 */
export function requireKind(kind: TaskKind, answers: readonly unknown[]): void {
  const foreign = answers.filter((label) => kindOfAnswer(label) !== kind).length;
  if (foreign === 0) return;
  throw new AppError(
    'label_wrong_kind',
    `Of ${answers.length} stored examples ${foreign} are labelled for another kind of task than ${kind}: delete them, or store them again under their ids with labels of that kind.`,
  );
}
