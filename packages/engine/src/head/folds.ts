import { createRandom, shuffle } from './random.js';

export interface Folds {
  count: number;
  /** Fold of each row. */
  fold: Int32Array;
}

const MAX_FOLDS = 5;

/**
 * Stratified folds: each label is dealt over the folds as evenly as it can be. Rows of one group (copies of one text)
 * share a fold, so that no row is tested on its own copy. The same seed and rows give the same folds.
 *
 * As many folds as the middle label has groups, 2 to `most`: with two examples a label, each fold still trains on both.
 */
export function stratifiedFolds(
  y: Int32Array,
  groups: Int32Array,
  classes: number,
  seed: number,
  most = MAX_FOLDS,
): Folds {
  const firstOfGroup = new Map<number, number>();
  for (let i = 0; i < y.length; i += 1) if (!firstOfGroup.has(groups[i])) firstOfGroup.set(groups[i], i);
  const byClass: number[][] = Array.from({ length: classes }, () => []);
  for (const [group, row] of firstOfGroup) byClass[y[row]].push(group);

  const sizes = byClass.map((members) => members.length).sort((a, b) => a - b);
  const count = Math.max(2, Math.min(most, sizes[Math.floor((classes - 1) / 2)]));
  const random = createRandom(seed);
  const foldOfGroup = new Map<number, number>();
  // The deal goes on where the label before ended, so that folds differ in size by one row at most.
  let next = 0;
  for (const members of byClass)
    for (const group of shuffle(members, random)) {
      foldOfGroup.set(group, next % count);
      next += 1;
    }
  return { count, fold: Int32Array.from(groups, (group) => foldOfGroup.get(group)!) };
}
