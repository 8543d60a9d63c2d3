import fc from 'fast-check';
import t from 'tap';
import { newestOfEach } from './subset.js';

/** Ten tokens each. */
const textsOf = (rows: number) => Array.from({ length: rows }, () => 'x'.repeat(32));
const counted = (strata: Int32Array, rows: Iterable<number>) => {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(strata[row], (counts.get(strata[row]) ?? 0) + 1);
  return counts;
};

t.test('of rows sorted by label some of each label are taken, the newest of it', async (t) => {
  const strata = Int32Array.from({ length: 120 }, (_, row) => (row < 45 ? 0 : 1));
  const newestFirst = [...strata.keys()].reverse();
  const taken = newestOfEach({ texts: textsOf(120), strata, newestFirst }, { maxTokens: 256, budget: 240 });
  const newest = (end: number, count: number) => Array.from({ length: count }, (_, i) => end - count + i);
  t.strictSame([...taken], [...newest(45, 9), ...newest(120, 15)]);
});

t.test('whatever the classes and their order, their shares stay and none is lost', async () => {
  const input = fc
    .array(fc.nat(5), { minLength: 1, maxLength: 200 })
    .chain((classes) => fc.record({ classes: fc.constant(classes), room: fc.nat(220) }));
  fc.assert(
    fc.property(input, ({ classes, room }) => {
      const strata = Int32Array.from(classes);
      const newestFirst = [...strata.keys()].reverse();
      const taken = newestOfEach(
        { texts: textsOf(classes.length), strata, newestFirst },
        { maxTokens: 256, budget: 10 * room },
      );
      const [all, own] = [counted(strata, strata.keys()), counted(strata, taken)];
      const isNewest = [...own].every(([c, count]) => {
        const ofClass = [...strata.keys()].filter((row) => strata[row] === c);
        return ofClass.slice(-count).every((row) => taken.includes(row));
      });
      // No class has a row whose turn came after that of one which another class lacks.
      const classesOf = [...all].map(([c, size]) => ({ size, count: own.get(c) ?? 0 }));
      const last = Math.max(...classesOf.map(({ count, size }) => (count - 1) / size));
      const next = Math.min(...classesOf.map(({ count, size }) => count / size));
      return (
        taken.length === Math.min(room, classes.length) &&
        isNewest &&
        last <= next &&
        (room < all.size || own.size === all.size)
      );
    }),
  );
});

t.test('a text counts as what the base takes of it, however long it is', async (t) => {
  const texts = Array.from({ length: 600 }, () => 'x'.repeat(20_000));
  const strata = new Int32Array(600);
  const taken = newestOfEach(
    { texts, strata, newestFirst: [...strata.keys()].reverse() },
    { maxTokens: 256, budget: 131_072 },
  );
  t.equal(taken.length, 512);
});
