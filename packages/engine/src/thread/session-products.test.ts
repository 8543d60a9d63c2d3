import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
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

t.test('a session that could not be opened is opened when it is next needed', async (t) => {
  const products = openProducts();
  const x = { ...matrix(500, 50), data: new Float64Array(25_000).fill(1) };
  const multiply = async () => products.multiplyTransposed(x, new Float64Array(500).fill(1), 10);
  const { create } = InferenceSession;
  t.teardown(() => {
    InferenceSession.create = create;
  });
  InferenceSession.create = async () => {
    throw new Error('no memory');
  };
  await t.rejects(multiply(), { message: 'no memory' });
  await products.close();
  InferenceSession.create = create;
  t.strictSame(await multiply(), new Float64Array(5_000).fill(50));
  await products.close();
});
