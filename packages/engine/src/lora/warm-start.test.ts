import fc from 'fast-check';
import t from 'tap';
import { LORA_SETTINGS } from './recipe.js';
import {
  continueFrom,
  decodeWarmStart,
  encodeWarmStart,
  rowKeys,
  type WarmStart,
  type WarmStartKey,
} from './warm-start.js';

const key: WarmStartKey = {
  ...{ settings: LORA_SETTINGS, classBalance: 0, seed: 1, kind: 'classification' },
  ...{ labels: ['a', 'b'], baseSha256: 'f'.repeat(64) },
};
const keysOf = (rows: number) =>
  rowKeys(Array.from({ length: rows }, (_, i) => ({ id: `${i}`, text: `t${i}`, answer: 'a', weight: 1 })));
const warmOf = (keys: string[], since: Partial<WarmStart['since']> = {}): WarmStart => ({
  changes: [Float32Array.of(1, -0.5), Float32Array.of(2, 0.25), Float32Array.of(3, 0)],
  folds: new Map(keys.map((row, i) => [row, i % 2])),
  since: { rows: keys.length, added: 0, starts: 0, ...since },
});
/** Every row a group and all of one class. */
const plain = (rows: number) => ({
  groups: Int32Array.from({ length: rows }, (_, i) => i),
  strata: new Int32Array(rows),
});

t.test('what is kept is read again, and is of no use to any other training', async (t) => {
  const warm = warmOf(keysOf(5), { rows: 4, added: 1, starts: 2 });
  const bytes = encodeWarmStart(warm, key);
  t.strictSame(decodeWarmStart(bytes, key, 2), warm);
  t.equal(decodeWarmStart(bytes, key, 3), undefined, 'vectors of another size');
  const others: Partial<WarmStartKey>[] = [
    { settings: { ...LORA_SETTINGS, rank: 4 } },
    { settings: { ...LORA_SETTINGS, weightDecay: 0 } },
    { classBalance: 1 },
    { seed: 2 },
    { kind: 'multilabel' },
    { labels: ['a', 'b', 'c'] },
    { baseSha256: '0'.repeat(64) },
  ];
  for (const other of others)
    t.equal(decodeWarmStart(bytes, { ...key, ...other }, 2), undefined, JSON.stringify(other));
});

t.test('a damaged one is refused, wherever the damage is, or says what it said', async () => {
  const warm = warmOf(keysOf(6));
  const bytes = encodeWarmStart(warm, key);
  const whole = JSON.stringify([warm.changes, [...warm.folds], warm.since]);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, cut) => {
      const damaged = cut ? bytes.slice(0, at) : bytes.slice();
      if (!cut) damaged[at]! ^= by;
      const found = decodeWarmStart(damaged, key, 2);
      // A blank of the header may become another.
      if (found && JSON.stringify([found.changes, [...found.folds], found.since]) !== whole)
        throw new Error('believed');
    }),
    { numRuns: 1_000 },
  );
});

t.test('a row whose id, text, answer or weight is another is another row', async (t) => {
  const row = { id: '1', text: 'tea', answer: ['a'] as unknown, weight: 1 };
  const rows = [
    row,
    { ...row, id: '2' },
    { ...row, text: 'teas' },
    { ...row, answer: ['b'] },
    { ...row, weight: 2 },
  ];
  t.equal(new Set(rowKeys(rows)).size, rows.length);
  t.strictSame(rowKeys([row]), rowKeys([{ ...row }]));
});

t.test(
  'training goes on only where some rows are new, not too many, and all of before are there',
  async (t) => {
    const old = keysOf(20);
    const goesOn = (warm: WarmStart, keys: string[]) =>
      continueFrom(warm, { keys, ...plain(keys.length) })?.since;
    t.strictSame(goesOn(warmOf(old), keysOf(25)), { rows: 20, added: 5, starts: 1 });
    t.strictSame(goesOn(warmOf(keysOf(25), { rows: 20, added: 5, starts: 1 }), keysOf(30)), {
      ...{ rows: 20, added: 10, starts: 2 },
    });
    t.equal(goesOn(warmOf(old), old), undefined, 'the same rows give what they gave');
    t.equal(goesOn(warmOf(old), keysOf(31)), undefined, 'more than half as many');
    t.equal(
      goesOn(warmOf(keysOf(25), { rows: 20, added: 5 }), keysOf(31)),
      undefined,
      'counted from scratch',
    );
    t.equal(goesOn(warmOf(old), keysOf(25).slice(1)), undefined, 'one is gone');
    t.equal(goesOn(warmOf(old, { starts: 4 }), keysOf(25)), undefined, 'four have gone on from one another');
  },
);

t.test(
  'a row stays in its fold, rows of one text are in one, and new ones are spread over them',
  async () => {
    const input = fc.integer({ min: 6, max: 60 }).chain((rows) =>
      fc.record({
        rows: fc.constant(rows),
        texts: fc.array(fc.nat(rows), { minLength: rows, maxLength: rows }),
        classes: fc.array(fc.nat(2), { minLength: rows, maxLength: rows }),
        added: fc.integer({ min: 1, max: Math.floor(rows / 3) }),
      }),
    );
    fc.assert(
      fc.property(input, ({ rows, texts, classes, added }) => {
        const keys = keysOf(rows);
        const groups = Int32Array.from(texts);
        const strata = Int32Array.from(groups, (group) => classes[group % rows]!);
        const old = keys.slice(added);
        // Of one text one fold, as training left them.
        const before = new Map(old.map((row, i) => [row, groups[added + i]! % 2]));
        const { folds, isNew } = continueFrom({ ...warmOf(old), folds: before }, { keys, groups, strata })!;
        if (keys.some((name, row) => isNew[row] === before.has(name))) throw new Error('new');
        for (const [row, name] of keys.entries()) {
          if (before.has(name) && folds.fold[row] !== before.get(name)) throw new Error('moved');
          if (folds.fold[row] !== folds.fold[groups.indexOf(groups[row]!)])
            throw new Error('a text in two folds');
        }
        const fresh = [...new Set(groups.subarray(0, added))].filter(
          (group) => !groups.subarray(added).includes(group),
        );
        for (const c of new Set(strata)) {
          const of = (fold: number, own: (group: number) => boolean) =>
            [...new Set(groups)].filter(
              (group) =>
                strata[groups.indexOf(group)] === c &&
                folds.fold[groups.indexOf(group)] === fold &&
                own(group),
            ).length;
          const gap = Math.abs(of(0, () => true) - of(1, () => true));
          const gapBefore = Math.abs(of(0, (g) => !fresh.includes(g)) - of(1, (g) => !fresh.includes(g)));
          if (gap > Math.max(1, gapBefore)) throw new Error('not spread');
        }
      }),
    );
  },
);
