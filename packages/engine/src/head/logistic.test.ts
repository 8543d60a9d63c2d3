import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { minimize } from './lbfgs.js';
import { type LabelledRows, logisticObjective, parameterCount } from './logistic.js';
import { matrix } from './matrix.js';
import { createRandom } from './random.js';
import { rowSpan } from './row-span.js';
import { selectTargets, type Targets } from './targets.js';

/** The targets of a classification. */
function oneHot(y: ArrayLike<number>, classes: number): Targets {
  const values = new Float32Array(y.length * classes);
  for (let row = 0; row < y.length; row += 1) values[row * classes + y[row]] = 1;
  return { kind: 'classification', outputs: classes, values };
}

function randomRows(rows: number, columns: number, classes: number, seed: number) {
  const random = createRandom(seed);
  const x = matrix(rows, columns);
  for (let i = 0; i < x.data.length; i += 1) x.data[i] = random() * 2 - 1;
  const y = Int32Array.from({ length: rows }, (_, i) => (i < classes ? i : Math.floor(random() * classes)));
  const rowWeights = Float64Array.from({ length: rows }, () => 0.5 + random());
  return { x, targets: oneHot(y, classes), rowWeights };
}

const solve = async (rows: LabelledRows, l2: number) => {
  const start = new Float64Array(rows.targets.outputs * (rows.x.columns + 1));
  const { x } = await minimize(logisticObjective(rows, l2), start, {
    maxIterations: 2_000,
    gradientTolerance: 1e-10,
  });
  return x;
};

t.test('the gradient is that of finite differences, at any size', async () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 4, max: 13 }),
    columns: fc.integer({ min: 1, max: 9 }),
    classes: fc.integer({ min: 2, max: 4 }),
    l2: fc.double({ min: 1e-3, max: 3, noNaN: true }),
    seed: fc.nat(),
    kind: fc.constantFrom('classification' as const, 'multilabel' as const),
    isNamed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ rows, columns, classes, l2, seed, kind, isNamed }) => {
      const drawn = randomRows(rows, columns, classes, seed);
      const random = createRandom(seed + 1);
      const likeness = matrix(rows, classes);
      for (let i = 0; i < likeness.data.length; i += 1) likeness.data[i] = random() * 2 - 1;
      const labelled = {
        ...drawn,
        targets: { ...drawn.targets, kind },
        ...(isNamed && { likeness }),
      };
      const objective = logisticObjective(labelled, l2);
      const at = Float64Array.from({ length: parameterCount(labelled) }, () => random() - 0.5);
      const gradient = new Float64Array(at.length);
      await objective(at, gradient);
      const ignored = new Float64Array(at.length);
      const step = 1e-5;
      for (const [i, value] of at.entries()) {
        const [up, down] = [at.slice(), at.slice()];
        up[i] = value + step;
        down[i] = value - step;
        const slope = ((await objective(up, ignored)) - (await objective(down, ignored))) / (2 * step);
        if (!(Math.abs(slope - gradient[i]) < 1e-8)) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

interface Recorded {
  rows: number;
  columns: number;
  classes: number;
  l2: number;
  value: number;
  x: number[];
  y: number[];
  rowWeights: number[];
  weight: number[];
  bias: number[];
}
const recorded: { problems: Recorded[] } = JSON.parse(
  readFileSync(new URL('../../fixtures/logistic.json', import.meta.url), 'utf8'),
);
for (const { rows, columns, classes, l2, value, x, y, rowWeights, weight, bias } of recorded.problems) {
  t.test(
    `PyTorch’s solution of ${rows} × ${columns}, ${classes} classes is reached, directly and by row span`,
    async (t) => {
      const full = { rows, columns, data: Float64Array.from(x) };
      const labels = { targets: oneHot(y, classes), rowWeights: Float64Array.from(rowWeights) };
      const direct = await solve({ x: full, ...labels }, l2);
      const span = await rowSpan(full);
      const short = await solve({ x: span.coordinates, ...labels }, l2);
      const rank = span.coordinates.columns;
      const spanned = [
        ...(await span.expand(short.subarray(0, classes * rank), classes)),
        ...short.subarray(classes * rank),
      ];
      for (const found of [[...direct], spanned]) {
        const worst = Math.max(...[...weight, ...bias].map((wanted, i) => Math.abs(wanted - found[i])));
        t.ok(worst < 1e-6, `the parameters differ by at most ${worst}`);
      }
      const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
      const objective = logisticObjective({ x: full, ...labels }, l2);
      const reached = await objective(direct, new Float64Array(direct.length));
      t.ok(Math.abs(reached * total - value) < 1e-9);
    },
  );
}

t.test('a row of weight two is that row twice', async (t) => {
  const once = randomRows(9, 4, 3, 5);
  once.rowWeights.fill(1);
  const twice = matrix(10, 4);
  twice.data.set(once.x.data);
  twice.data.set(once.x.data.subarray(8, 12), 36);
  const weighted = await solve(
    { ...once, rowWeights: once.rowWeights.map((w, i) => (i === 2 ? 2 : w)) },
    0.1,
  );
  const repeated = await solve(
    {
      x: twice,
      targets: selectTargets(once.targets, [0, 1, 2, 3, 4, 5, 6, 7, 8, 2]),
      rowWeights: new Float64Array(10).fill(1),
    },
    0.1,
  );
  t.ok(weighted.every((value, i) => Math.abs(value - repeated[i]) < 1e-7));
});

t.test('rows that repeat or vanish leave the span’s fit what it is', async (t) => {
  const rows = randomRows(8, 20, 2, 9);
  rows.x.data.copyWithin(20, 0, 20);
  rows.x.data.fill(0, 40, 60);
  const span = await rowSpan(rows.x);
  t.equal(span.coordinates.columns, 6, 'one row is a copy and one is nothing');
  const direct = await solve(rows, 0.3);
  const short = await solve({ ...rows, x: span.coordinates }, 0.3);
  const w = await span.expand(short.subarray(0, 12), 2);
  t.ok(w.every((value, i) => Math.abs(value - direct[i]) < 1e-6));
  t.equal((await rowSpan(matrix(3, 5))).coordinates.columns, 0, 'nothing but zeros spans nothing');
});
