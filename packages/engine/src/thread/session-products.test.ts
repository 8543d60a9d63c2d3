import fc from 'fast-check';
import t from 'tap';
import { matrix, plainProducts } from '../head/matrix.js';
import { createRandom } from '../head/random.js';
import { openProducts } from './session-products.js';

t.test(
  'the runtime’s products are the plain ones to the last digits, of any sizes and of views',
  async (t) => {
    const products = openProducts();
    t.teardown(() => products.close());
    // On both sides of the work that is worth a call.
    const sizes = fc.record({
      rows: fc.integer({ min: 1, max: 400 }),
      columns: fc.integer({ min: 1, max: 90 }),
      count: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ rows, columns, count, seed }) => {
        const random = createRandom(seed);
        const draw = (length: number) => Float64Array.from({ length }, () => random() - 0.5);
        const x = { ...matrix(rows, columns), data: draw(rows * columns) };
        // As a fit gives weights: the front of a longer vector; and, for good measure, the middle of one.
        const w = draw(count * columns + count + 1).subarray(1, count * columns + 1);
        const r = draw(rows * count);
        const pairs = [
          [
            await products.multiplyTransposed(x, w, count),
            await plainProducts.multiplyTransposed(x, w, count),
          ],
          [await products.sumOuter(x, r, count), await plainProducts.sumOuter(x, r, count)],
        ];
        return pairs.every(
          ([ours, plain]) =>
            ours.length === plain.length && plain.every((value, at) => Math.abs(value - ours[at]) < 1e-12),
        );
      }),
      { numRuns: 80, examples: [[{ rows: 400, columns: 90, count: 40, seed: 1 }]] },
    );
  },
);
