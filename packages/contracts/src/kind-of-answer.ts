import { limits } from './limits.js';
import type { TaskKind } from './schemas/primitives.js';

/** The kind of task that a label answers, undefined for what is no label. */
export function kindOfAnswer(label: unknown): TaskKind | undefined {
  if (typeof label === 'string') return 'classification';
  if (typeof label === 'number') return Math.abs(label) <= limits.regressionValue ? 'regression' : undefined;
  return Array.isArray(label) ? 'multilabel' : undefined;
}
