import { estimateTokens } from '../estimate-tokens.js';

/**
 * Which rows adapters train on where all are too many: of each class the newest, in proportion to the classes, so that what the
 * rows say of how frequent labels are stays true, and one of each class at least. The newest of all would be rows of a single label
 * where an import is sorted by it.
 *
 * A row's turn is the share of its class that is newer. So the newest of every class come first, and wherever the tokens end, as
 * large a share of each has been taken, to the next row.
 * @param strata the class of each row
 * @param newestFirst every row
 * @param maxTokens what the base takes of a text
 * @param budget tokens of all rows taken, by an estimate
 * @returns ascending
 */
export function newestOfEach(
  { texts, strata, newestFirst }: { texts: string[]; strata: Int32Array; newestFirst: number[] },
  { maxTokens, budget }: { maxTokens: number; budget: number },
): Int32Array {
  const sizes = new Map<number, number>();
  const newer = new Map<number, number>();
  for (const row of newestFirst) {
    const size = sizes.get(strata[row]) ?? 0;
    newer.set(row, size);
    sizes.set(strata[row], size + 1);
  }
  const turn = (row: number) => newer.get(row)! / sizes.get(strata[row])!;
  const taken: number[] = [];
  let sum = 0;
  for (const row of newestFirst.toSorted((a, b) => turn(a) - turn(b))) {
    sum += estimateTokens(texts[row], maxTokens);
    if (sum > budget) break;
    taken.push(row);
  }
  return Int32Array.from(taken).sort();
}
