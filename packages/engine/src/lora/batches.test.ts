import fc from 'fast-check';
import t from 'tap';
import { batchCount, epochBatches } from './batches.js';
import { rateAt } from './recipe.js';
import { chooseStack, STACK_TOKENS } from './stacking.js';

t.test('an epoch holds every row once, in batches that differ by one row at most', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2, max: 64 }), { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 32 }),
      fc.nat(),
      fc.nat(20),
      (lengths, size, seed, epoch) => {
        const rows = lengths.map((_, row) => row);
        const draw = () => epochBatches(rows, (row) => lengths[row], size, seed, epoch);
        const batches = draw();
        const sizes = batches.map((batch) => batch.length);
        const all = batches.flat().sort((a, b) => a - b);
        return (
          batches.length === batchCount(rows.length, size) &&
          Math.max(...sizes) - Math.min(...sizes) <= 1 &&
          all.every((row, at) => row === at) &&
          all.length === rows.length &&
          JSON.stringify(draw()) === JSON.stringify(batches)
        );
      },
    ),
  );
});

t.test('rates rise to one and fall to zero', async (t) => {
  const rates = Array.from({ length: 50 }, (_, i) => rateAt(i + 1, 50, 0.1));
  t.equal(Math.max(...rates), 1);
  t.equal(rates[4], 1);
  t.ok(rates[0] > 0 && rates[49] < 1e-9);
});

t.test('a stack fits the cap, is of one graph, and never keeps an idle thread waiting', async () => {
  const waiting = fc.record({
    graph: fc.constantFrom('a', 'b'),
    rows: fc.integer({ min: 1, max: 32 }),
    tokens: fc.integer({ min: 2, max: 64 }),
    remaining: fc.nat(10_000),
  });
  fc.assert(
    fc.property(fc.array(waiting, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (fits, idle) => {
      const stack = chooseStack(fits, idle);
      if (fits.length === 0) return stack.length === 0;
      const rows = Math.max(...stack.map((fit) => fit.rows));
      const tokens = Math.max(...stack.map((fit) => fit.tokens));
      return (
        stack[0].remaining === Math.max(...fits.map(({ remaining }) => remaining)) &&
        new Set(stack.map(({ graph }) => graph)).size === 1 &&
        (stack.length === 1 || stack.length * rows * tokens <= STACK_TOKENS) &&
        stack.length <= Math.ceil(fits.length / idle)
      );
    }),
  );
});
