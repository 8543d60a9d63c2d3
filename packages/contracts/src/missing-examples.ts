import type { Answer } from './schemas/primitives.js';
import type { Task } from './schemas/tasks.js';

/** What stands between a user's examples and a training run. */
export interface MissingExamples {
  /** Examples that each label still needs. */
  missing: Record<string, number>;
  /** Further labels that are needed, of any name. */
  missingLabels: number;
  /** Further examples, whatever they say. */
  missingExamples: number;
}

/**
 * Decides whether a user has enough examples to train on. Undefined when nothing is missing.
 *
 * - classification: two labels at the least, and `minExamplesPerLabel` of each label; of a closed label set that means
 *   every label in it.
 * - multilabel and regression: twice `minExamplesPerLabel` examples; of the former one label at the least.
 */
export function missingExamples(
  { kind, labels, minExamplesPerLabel }: Pick<Task, 'kind' | 'labels' | 'minExamplesPerLabel'>,
  answers: readonly Answer[],
): MissingExamples | undefined {
  // A Map, because a label may be called `__proto__`.
  const counts = new Map<string, number>();
  for (const label of answers.flat())
    if (typeof label === 'string') counts.set(label, (counts.get(label) ?? 0) + 1);
  const isClassification = kind === 'classification';
  const needed = (isClassification ? [...new Set([...(labels ?? []), ...counts.keys()])] : [])
    .map((label): [string, number] => [label, minExamplesPerLabel - (counts.get(label) ?? 0)])
    .filter(([, count]) => count > 0);
  const least = { classification: 2, multilabel: 1, regression: 0 }[kind];
  const known = isClassification ? new Set([...(labels ?? []), ...counts.keys()]).size : counts.size;
  const missingLabels = Math.max(0, least - known);
  const missing = isClassification ? 0 : Math.max(0, 2 * minExamplesPerLabel - answers.length);
  if (needed.length === 0 && missingLabels === 0 && missing === 0) return undefined;
  return { missing: Object.fromEntries(needed), missingLabels, missingExamples: missing };
}
