import fc from 'fast-check';
import t from 'tap';
import { RUN_COST_TOKENS, splitBatch } from './split-batch.js';

const lengths = fc.array(fc.integer({ min: 2, max: 256 }), { maxLength: 40 });
const padded = (run: number[], of: number[]) => run.length * Math.max(...run.map((row) => of[row]));

t.test('every row is in one run, and no run exceeds the cap but a single long row', async () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 32, max: 1024 }), (lengths, cap) => {
      const runs = splitBatch(lengths, cap);
      const rows = runs.flat().sort((a, b) => a - b);
      return (
        rows.length === lengths.length &&
        rows.every((row, at) => row === at) &&
        runs.every((run) => run.length === 1 || padded(run, lengths) <= cap)
      );
    }),
  );
});

t.test('no other split of a small batch is cheaper', async () => {
  const cost = (runs: number[][], of: number[]) =>
    runs.reduce((sum, run) => sum + RUN_COST_TOKENS + padded(run, of), 0);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2, max: 256 }), { minLength: 1, maxLength: 7 }), (lengths) => {
      const sorted = lengths.map((_, row) => row).sort((a, b) => lengths[a] - lengths[b]);
      const found = cost(splitBatch(lengths, 512), lengths);
      // Each bit: whether a run ends after that row.
      for (let cuts = 0; cuts < 2 ** (sorted.length - 1); cuts += 1) {
        const runs: number[][] = [[]];
        for (const [at, row] of sorted.entries()) {
          runs.at(-1)!.push(row);
          if (at < sorted.length - 1 && (cuts >> at) & 1) runs.push([]);
        }
        const fits = runs.every((run) => run.length === 1 || padded(run, lengths) <= 512);
        if (fits && cost(runs, lengths) < found) return false;
      }
      return true;
    }),
  );
});

t.test('rows of like length run together, a long one apart', async (t) => {
  t.strictSame(splitBatch([8, 9, 8, 200], 1024), [[0, 2, 1], [3]]);
  t.strictSame(splitBatch([], 1024), []);
});
