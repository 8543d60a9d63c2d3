import type { Task } from './schemas/tasks.js';

/** What stands between a user's examples and a training run. */
export interface MissingExamples {
  /** Examples that each label still needs. */
  missing: Record<string, number>;
  /** Further labels that are needed, of any name. */
  missingLabels: number;
}

/**
 * Decides whether a user has enough examples to train on: two labels at the least, and `minExamplesPerLabel` of each
 * label; of a closed label set that means every label in it. Undefined when nothing is missing.
 *
 * @param counts examples per label; a Map, because a label may be called `__proto__`
 */
export function missingExamples(
  { labels, minExamplesPerLabel }: Pick<Task, 'labels' | 'minExamplesPerLabel'>,
  counts: ReadonlyMap<string, number>,
): MissingExamples | undefined {
  const needed = [...new Set([...(labels ?? []), ...counts.keys()])]
    .map((label): [string, number] => [label, minExamplesPerLabel - (counts.get(label) ?? 0)])
    .filter(([, count]) => count > 0);
  const missingLabels = Math.max(0, 2 - new Set([...(labels ?? []), ...counts.keys()]).size);
  if (needed.length === 0 && missingLabels === 0) return undefined;
  return { missing: Object.fromEntries(needed), missingLabels };
}
