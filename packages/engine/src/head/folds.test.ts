import fc from 'fast-check';
import t from 'tap';
import { stratifiedFolds } from './folds.js';

const rows = fc
  .record({ classes: fc.integer({ min: 2, max: 5 }), count: fc.integer({ min: 4, max: 60 }), seed: fc.nat() })
  .chain(({ classes, count, seed }) =>
    fc.record({
      classes: fc.constant(classes),
      seed: fc.constant(seed),
      y: fc
        .array(fc.nat(classes - 1), { minLength: count, maxLength: count })
        .map((y) => Int32Array.from(y, (c, i) => (i < classes ? i : c))),
      groups: fc
        .array(fc.nat(count - 1), { minLength: count, maxLength: count })
        .map((groups) => Int32Array.from(groups)),
    }),
  );

t.test('every row has a fold, copies share theirs, and the same seed deals the same', async () => {
  fc.assert(
    fc.property(rows, ({ y, groups, classes, seed }) => {
      const { count, fold } = stratifiedFolds(y, groups, classes, seed);
      const ofGroup = new Map<number, number>();
      for (const [i, group] of groups.entries()) {
        if (ofGroup.has(group) && ofGroup.get(group) !== fold[i]) return false;
        ofGroup.set(group, fold[i]);
      }
      const again = stratifiedFolds(y, groups, classes, seed);
      return count >= 2 && count <= 5 && fold.every((f, i) => f >= 0 && f < count && f === again.fold[i]);
    }),
  );
});

t.test('each label is spread over the folds as evenly as can be', async () => {
  fc.assert(
    fc.property(rows, ({ y, classes, seed }) => {
      const groups = Int32Array.from(y, (_, i) => i);
      const { count, fold } = stratifiedFolds(y, groups, classes, seed);
      const spread = (keep: (row: number) => boolean) => {
        const sizes = new Array<number>(count).fill(0);
        for (const [i, f] of fold.entries()) if (keep(i)) sizes[f] += 1;
        return Math.max(...sizes) - Math.min(...sizes);
      };
      return (
        spread(() => true) <= 1 &&
        Array.from({ length: classes }, (_, c) => spread((i) => y[i] === c)).every((gap) => gap <= 1)
      );
    }),
  );
});

t.test('with two examples a label there are two folds, and each trains on both labels', async (t) => {
  const y = Int32Array.of(0, 1, 0, 1);
  const { count, fold } = stratifiedFolds(y, Int32Array.of(0, 1, 2, 3), 2, 1);
  t.equal(count, 2);
  for (const number of [0, 1]) t.strictSame([...y.filter((_, i) => fold[i] !== number)].sort(), [0, 1]);
});
