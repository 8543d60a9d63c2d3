import { createRandom, shuffle } from '../head/random.js';

/**
 * A row is put among others up to this much longer or shorter, so that batches differ from epoch to epoch. More learns no
 * better, and pads more: rows of 26 to 38 tokens by 1 %, with 0.05 by 3.4 %.
 */
const JITTER = 0.02;

/**
 * The batches of one epoch. Rows of like length share a batch, since each is padded to its longest; which do is drawn
 * anew each epoch, and so is the order. A function of its arguments alone: a run that goes on after a death draws the same.
 * @param rows which rows, as indices
 * @param lengthOf tokens of a row
 */
export function epochBatches(
  rows: ArrayLike<number>,
  lengthOf: (row: number) => number,
  batchRows: number,
  seed: number,
  epoch: number,
): number[][] {
  const random = createRandom(seed ^ Math.imul(epoch + 1, 0x9e3779b1));
  const keyed = Array.from(rows, (row) => ({
    row,
    key: lengthOf(row) * (1 - JITTER + 2 * JITTER * random()),
  }));
  keyed.sort((a, b) => a.key - b.key || a.row - b.row);
  const count = batchCount(rows.length, batchRows);
  const cut = (k: number) => Math.round((k * keyed.length) / count);
  const batches = Array.from({ length: count }, (_, k) =>
    keyed.slice(cut(k), cut(k + 1)).map(({ row }) => row),
  );
  return shuffle(batches, random);
}

/** How many batches an epoch has. They differ by one row at most. */
export function batchCount(rows: number, batchRows: number): number {
  return Math.max(1, Math.round(rows / batchRows));
}
