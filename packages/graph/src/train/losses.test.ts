/** Losses against their formulas, written out in plain numbers. */
import t, { type Test } from 'tap';
import {
  buildTrainingGraph,
  createBuilder,
  type Feeds,
  floatTensor,
  int64Tensor,
  type Loss,
  numbersOf,
} from '../index.js';
import { openSession } from '../testing/open-session.js';

const scores = [
  [0.5, -1, 2],
  [1, 0.2, -0.3],
  [-2, 0.1, 0.4],
  [0.3, 0.3, 0.9],
];
const weights = [1, 2, 0.5, 0];

/** The loss of scores given as they are: a base without parameters would be refused, so one whose one adapter is zero. */
async function lossOf(loss: Loss, targets: number[][], extra: Feeds = {}): Promise<number> {
  const b = createBuilder({ name: 'scores' });
  const x = b.input('x', 'float32', ['rows', 3]);
  const identity = b.initializer('w', floatTensor([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]));
  b.output(b.matmul(x, identity, 'layer'), 'float32', ['rows', 3], 'scores_in');
  const training = await buildTrainingGraph(
    b.build(),
    { adapters: [{ kind: 'bias', targets: 'layer' }], head: { kind: 'none' }, pooling: 'none', loss },
    openSession,
  );
  const feeds: Feeds = {
    x: floatTensor(scores.flat(), [4, 3]),
    parameters: floatTensor([0, 0, 0], [1, 3]),
    targets: floatTensor(targets.flat(), [4, targets[0].length]),
    row_weights: floatTensor(weights),
    label_counts: int64Tensor([3]),
    label_smoothing: floatTensor([0]),
    ...extra,
  };
  const session = await openSession(training.forward);
  const answers = await session.run(
    Object.fromEntries(training.forward.graph.inputs.map(({ name }) => [name, feeds[name]])),
  );
  await session.close();
  return numbersOf(answers.loss)[0];
}

const oneHot = [0, 2, 1, 0].map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
const logSoftmax = (row: number[]) => {
  const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  return row.map((value) => value - total);
};
const weightedMean = (rows: number[], by = weights) =>
  rows.reduce((sum, value, i) => sum + weights[i] * value, 0) / by.reduce((a, b) => a + b, 0);
const near = (t: Test, a: number, b: number, name: string) =>
  t.ok(Math.abs(a - b) < 1e-5, `${name}: ${a} ${b}`);

t.test('softmax cross-entropy: hard and soft targets, row weights, smoothing, class weights', async (t) => {
  const hard = scores.map((row, i) => -logSoftmax(row)[oneHot[i].indexOf(1)]);
  near(t, await lossOf({ kind: 'softmax' }, oneHot), weightedMean(hard), 'hard');

  const soft = scores.map(() => [0.2, 0.3, 0.5]);
  const crossed = scores.map(
    (row) => -logSoftmax(row).reduce((sum, value, c) => sum + value * soft[0][c], 0),
  );
  near(t, await lossOf({ kind: 'softmax' }, soft), weightedMean(crossed), 'soft');

  const smooth = scores.map((row, i) => {
    const logs = logSoftmax(row);
    return -logs.reduce((sum, value, c) => sum + value * (0.7 * oneHot[i][c] + 0.1), 0);
  });
  near(
    t,
    await lossOf({ kind: 'softmax' }, oneHot, { label_smoothing: floatTensor([0.3]) }),
    weightedMean(smooth),
    'smoothed',
  );

  // torch: Σ w_y ℓ / Σ w_y over rows, here also weighed by row.
  const classWeights = [1, 3, 0.5];
  const byClass = oneHot.map((row) => classWeights[row.indexOf(1)]);
  const expected = weightedMean(
    hard.map((value, i) => value * byClass[i]),
    weights.map((value, i) => value * byClass[i]),
  );
  const given = { class_weights: floatTensor(classWeights, [1, 3]) };
  near(t, await lossOf({ kind: 'softmax', classWeights: true }, oneHot, given), expected, 'class weights');

  // A user with two labels: the third score is not there.
  const two = [0, 1, 1, 0].map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
  const narrow = scores.map((row, i) => -logSoftmax(row.slice(0, 2))[two[i].indexOf(1)]);
  near(
    t,
    await lossOf({ kind: 'softmax' }, two, { label_counts: int64Tensor([2]) }),
    weightedMean(narrow),
    'two labels',
  );
});

t.test('sigmoid cross-entropy: every label alone, none or several set', async (t) => {
  const targets = [
    [1, 0, 1],
    [0, 0, 0],
    [1, 1, 1],
    [0, 1, 0],
  ];
  const sigma = (x: number) => 1 / (1 + Math.exp(-x));
  const each = (row: number[], i: number, labels = 3) =>
    row.slice(0, labels).reduce((sum, x, c) => sum - Math.log(targets[i][c] ? sigma(x) : 1 - sigma(x)), 0) /
    labels;
  near(
    t,
    await lossOf({ kind: 'sigmoid' }, targets),
    weightedMean(scores.map((row, i) => each(row, i))),
    'three labels',
  );
  near(
    t,
    await lossOf({ kind: 'sigmoid' }, targets, { label_counts: int64Tensor([2]) }),
    weightedMean(scores.map((row, i) => each(row, i, 2))),
    'two labels',
  );
});

t.test('squared and Huber loss', async (t) => {
  const targets = scores.map((row) => row.map((value, c) => value - [0.1, -0.5, 3][c]));
  near(t, await lossOf({ kind: 'squared' }, targets), (0.01 + 0.25 + 9) / 3, 'squared');
  near(t, await lossOf({ kind: 'huber', delta: 1 }, targets), (0.005 + 0.125 + 2.5) / 3, 'huber');
});

t.test('supervised contrastive loss, as Khosla et al. have it', async (t) => {
  const temperature = 0.5;
  const labels = [0, 1, 0, 1];
  const targets = labels.map((label) => [label === 0 ? 1 : 0, label]);
  // The fourth row weighs nothing, so the second has no positive left and is no anchor.
  const z = scores.map((row) => row.map((value) => value / Math.hypot(...row)));
  const similarity = (i: number, j: number) =>
    z[i].reduce((sum, value, c) => sum + value * z[j][c], 0) / temperature;
  const anchor = (i: number, positive: number, others: number[]) =>
    Math.log(others.reduce((sum, j) => sum + Math.exp(similarity(i, j)), 0)) - similarity(i, positive);
  const expected = (1 * anchor(0, 2, [1, 2]) + 0.5 * anchor(2, 0, [0, 1])) / 1.5;
  near(t, await lossOf({ kind: 'contrastive', temperature }, targets), expected, 'contrastive');
});
