import type { Metrics } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { softmax } from '../softmax.js';
import { type FitEvent, type FittedHead, fitHead, type HeadData, L2_GRID } from './fit-head.js';
import { measure } from './metrics.js';
import { createRandom } from './random.js';
import type { Targets } from './targets.js';

/** The targets of a classification. */
function oneHot(y: ArrayLike<number>, classes: number): Targets {
  const values = new Float32Array(y.length * classes);
  for (let row = 0; row < y.length; row += 1) values[row * classes + y[row]] = 1;
  return { kind: 'classification', outputs: classes, values };
}

const rowsOf = ({ targets }: HeadData) => targets.values.length / targets.outputs;
const measured = (head: FittedHead, data: HeadData) =>
  measure(head.outOfFold.predictions, data.targets, head.outOfFold.rows) as Required<Metrics>;

/** Rows around a random centre for each class. */
function clusters(rows: number, columns: number, classes: number, distance: number, seed = 1): HeadData {
  const random = createRandom(seed);
  const centres = Float32Array.from({ length: classes * columns }, () => random() - 0.5);
  const y = Int32Array.from({ length: rows }, (_, i) => i % classes);
  const features = Float32Array.from(
    { length: rows * columns },
    (_, at) =>
      3 + distance * centres[y[Math.floor(at / columns)] * columns + (at % columns)] + random() - random(),
  );
  return {
    features,
    columns,
    targets: oneHot(y, classes),
    rowWeights: new Float64Array(rows).fill(1),
    groups: Int32Array.from({ length: rows }, (_, i) => i),
  };
}

function answers(
  { weight, bias }: { weight: Float32Array; bias: Float32Array },
  data: HeadData,
): Float32Array[] {
  return Array.from({ length: rowsOf(data) }, (_, row) => {
    const logits = bias.map((offset, c) => {
      let sum = offset;
      for (let j = 0; j < data.columns; j += 1)
        sum += weight[c * data.columns + j] * data.features[row * data.columns + j];
      return sum;
    });
    softmax(logits);
    return logits;
  });
}

t.test(
  'held-out rows are told apart where they can be, and the folded-in head says so on raw features',
  async (t) => {
    for (const columns of [30, 400]) {
      const data = clusters(120, columns, 3, 1.5);
      const head = await fitHead(data, { seed: 1 });
      t.ok(
        measured(head, data).accuracy > 0.9,
        `accuracy ${measured(head, data).accuracy} of ${columns} features`,
      );
      t.ok(L2_GRID.includes(head.recipe.l2));
      t.equal(head.recipe.folds, 5);
      t.equal(head.outOfFold.rows.length, 120);
      const right = answers(head, data).filter(
        (p, row) => data.targets.values[row * 3 + p.indexOf(Math.max(...p))] === 1,
      );
      t.ok(right.length > 115);
    }
  },
);

t.test('noise is met with doubt: held-out log-loss stays close to that of knowing nothing', async (t) => {
  const data = clusters(100, 300, 2, 0);
  const head = await fitHead(data, { seed: 3 });
  t.ok(measured(head, data).logLoss < Math.log(2) + 0.06, `log-loss ${measured(head, data).logLoss}`);
});

t.test('names that lie where a label’s rows do make up for rows; names at random cost little', async (t) => {
  const [columns, classes, rows] = [60, 4, 400];
  const everything = clusters(rows, columns, classes, 0.5, 11);
  const few = 8;
  const some: HeadData = {
    ...everything,
    features: everything.features.slice(0, few * columns),
    targets: { ...everything.targets, values: everything.targets.values.slice(0, few * classes) },
    rowWeights: everything.rowWeights.slice(0, few),
    groups: everything.groups.slice(0, few),
  };
  // The clusters' own random centres: those of the last forty columns are names.
  const random = createRandom(11);
  const centres = Float32Array.from({ length: classes * columns }, () => random() - 0.5);
  const size = 40;
  const named = Float32Array.from(
    { length: classes * size },
    (_, at) => centres[Math.floor(at / size) * columns + columns - size + (at % size)],
  );
  const senseless = named.map(() => random() - 0.5);
  const score = async (names?: Float32Array) => {
    const predictions = answers(await fitHead({ ...some, names }, { seed: 1 }), everything);
    const right = predictions.filter(
      (p, row) => everything.targets.values[row * classes + p.indexOf(Math.max(...p))] === 1,
    );
    return right.length / rows;
  };
  const [bare, told, misled] = [await score(), await score(named), await score(senseless)];
  t.ok(told > bare + 0.1, `${told} of the rows with names, ${bare} without`);
  t.ok(misled > bare - 0.05, `${misled} with names at random, ${bare} without`);
});

t.test('the same rows and seed give the same head to the bit', async (t) => {
  const data = clusters(60, 100, 4, 0.8);
  const [a, b] = [await fitHead(data, { seed: 5 }), await fitHead(data, { seed: 5 })];
  t.strictSame(a, b);
});

t.test('the reduction to the row span changes nothing but time', async (t) => {
  // 2 rows a column and fewer take the span; a column of zeros more or less decides here, and carries nothing.
  const data = clusters(40, 79, 2, 0.6);
  const padded: HeadData = {
    ...data,
    columns: 80,
    features: Float32Array.from({ length: 40 * 80 }, (_, at) =>
      at % 80 < 79 ? data.features[Math.floor(at / 80) * 79 + (at % 80)] : 0,
    ),
  };
  // √columns and the mean variance differ by the column; the penalty is scaled to make the problems equal.
  const direct = answers(await fitHead(data, { seed: 1, grid: [0.1] }), data);
  const spanned = answers(await fitHead(padded, { seed: 1, grid: [0.1] }), padded);
  const worst = Math.max(...direct.map((p, row) => Math.abs(p[0] - spanned[row][0])));
  t.ok(worst < 0.02, `probabilities differ by at most ${worst}`);
});

t.test('each fold of the chosen penalty and the final fit report a falling curve', async (t) => {
  const events: FitEvent[] = [];
  await fitHead(clusters(50, 60, 2, 1), { seed: 1, onEvent: (event) => events.push(event) });
  const series = new Map<string, FitEvent[]>();
  for (const event of events) series.set(event.series, [...(series.get(event.series) ?? []), event]);
  t.strictSame(
    [...series.keys()],
    ['fold 1 of 5', 'fold 2 of 5', 'fold 3 of 5', 'fold 4 of 5', 'fold 5 of 5', 'final'],
  );
  for (const [name, points] of series) {
    t.strictSame(
      points.map(({ step }) => step),
      points.map((_, i) => i + 1),
    );
    t.ok(points.every(({ validationLoss }) => (validationLoss === undefined) === (name === 'final')));
  }
  const final = series.get('final')!;
  t.ok(final.at(-1)!.loss! < final[0].loss!);
});

t.test('a throwing checkpoint stops the fit', async (t) => {
  let steps = 0;
  const checkpoint = () => {
    steps += 1;
    if (steps === 3) throw new Error('cancelled');
  };
  await t.rejects(fitHead(clusters(50, 60, 2, 1), { seed: 1, checkpoint }), { message: 'cancelled' });
  t.equal(steps, 3);
});

const finite = (head: FittedHead) =>
  [...head.weight, ...head.bias, ...head.outOfFold.predictions, head.recipe.temperature].every(
    Number.isFinite,
  );

const degenerate: [string, HeadData][] = [
  ['two examples a label', clusters(4, 50, 2, 1)],
  ['one example of a label', { ...clusters(7, 50, 2, 1), targets: oneHot([0, 0, 0, 0, 0, 0, 1], 2) }],
  ['rows all alike', { ...clusters(8, 50, 2, 0), features: new Float32Array(400).fill(0.25) }],
  ['one text under both labels', { ...clusters(6, 50, 2, 0), groups: new Int32Array(6) }],
  [
    'features without any variance but one',
    {
      ...clusters(8, 50, 2, 0),
      features: Float32Array.from({ length: 400 }, (_, at) => (at % 50 === 3 ? at % 2 : 1e-20)),
    },
  ],
  [
    'huge and tiny weights',
    {
      ...clusters(8, 50, 2, 1),
      rowWeights: Float64Array.of(1e3, 1e-3, 1, 1, 1, 1, 1, 1),
    },
  ],
  ['more labels than folds', clusters(12, 50, 6, 1)],
];
for (const [what, data] of degenerate)
  t.test(`a finite head comes of ${what}`, async (t) => {
    t.ok(finite(await fitHead(data, { seed: 1 })));
  });

t.test(
  'rows of one text under several labels give weights that a half holds, whatever rounding leaves',
  async (t) => {
    const columns = 384;
    for (const count of [2, 6, 10, 13, 24, 25])
      for (const ulps of [0, 1]) {
        const features = Float32Array.from(
          { length: count * columns },
          (_, at) =>
            (Math.sin((at % columns) + 1) / 14) * (1 + (Math.floor(at / columns) % 3) * ulps * 2 ** -23),
        );
        const y = Array.from({ length: count }, (_, row) => (row % 3 === 0 ? 0 : 1));
        const head = await fitHead(
          {
            ...{ features, columns, targets: oneHot(y, 2) },
            rowWeights: new Float64Array(count).fill(1),
            groups: new Int32Array(count),
          },
          { seed: 1 },
        );
        const largest = Math.max(...head.weight.map(Math.abs));
        t.ok(largest < 100, `of ${count} rows that differ by ${ulps} ulp the largest weight is ${largest}`);
        t.ok(finite(head));
      }
  },
);

t.test('whatever the rows, the head is finite and every held-out row sums to one', async () => {
  const input = fc.record({
    rows: fc.integer({ min: 2, max: 14 }),
    columns: fc.integer({ min: 1, max: 40 }),
    classes: fc.integer({ min: 2, max: 4 }),
    distance: fc.double({ min: 0, max: 3, noNaN: true }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ rows, columns, classes, distance, seed }) => {
      const data = clusters(Math.max(rows, classes), columns, classes, distance, seed);
      const head = await fitHead(data, { seed });
      const { predictions, rows: held } = head.outOfFold;
      const sums = Array.from(held, (_, k) =>
        predictions.subarray(k * classes, (k + 1) * classes).reduce((sum, p) => sum + p, 0),
      );
      return (
        finite(head) &&
        held.length === Math.max(rows, classes) &&
        sums.every((sum) => Math.abs(sum - 1) < 1e-5)
      );
    }),
    { numRuns: 60 },
  );
});

t.test(
  'of however many rows each is held out once, calibrated on others, so that the newest can be compared',
  async (t) => {
    const many = clusters(4_100, 6, 2, 1);
    const curves = new Set<string>();
    const head = await fitHead(many, { seed: 1, onEvent: ({ series }) => curves.add(series) });
    t.equal(head.outOfFold.rows.length, 4_100);
    t.equal(curves.size, 6, 'five folds and the final fit');
    t.ok(finite(head));
    t.ok(measured(head, many).calibrationError < 0.03, `${measured(head, many).calibrationError}`);
  },
);

t.test('each label of several is told apart for itself, and a value in its own unit', async (t) => {
  const random = createRandom(4);
  const rows = 120;
  const columns = 20;
  const features = Float32Array.from({ length: rows * columns }, () => random() - 0.5);
  const seen = (row: number, column: number) => features[row * columns + column];
  const shared = {
    ...{ features, columns },
    rowWeights: new Float64Array(rows).fill(1),
    groups: Int32Array.from({ length: rows }, (_, row) => row),
  };
  const flags = Float32Array.from({ length: rows * 3 }, (_, at) =>
    seen(Math.floor(at / 3), at % 3) > 0.1 ? 1 : 0,
  );
  const several = { ...shared, targets: { kind: 'multilabel' as const, outputs: 3, values: flags } };
  const head = await fitHead(several, { seed: 1 });
  t.ok(measured(head, several).macroF1 > 0.75, `macro-F1 ${measured(head, several).macroF1}`);
  const values = Float32Array.from(
    { length: rows },
    (_, row) => 5_000 + 800 * seen(row, 0) - 300 * seen(row, 5),
  );
  const value = { ...shared, targets: { kind: 'regression' as const, outputs: 1, values } };
  const line = await fitHead(value, { seed: 1 });
  t.ok(measured(line, value).r2 > 0.95, `R² ${measured(line, value).r2}`);
  t.ok(Math.abs(answersAt(line, value, 3) - values[3]) < 30, 'the head answers in the unit of the examples');
});

function answersAt(
  { weight, bias, scale }: FittedHead,
  { features, columns }: HeadData,
  row: number,
): number {
  return weight.reduce((sum, w, j) => sum + scale * w * features[row * columns + j], bias[0]);
}
