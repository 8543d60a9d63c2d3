import type { Metrics } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { decideGate, type GateInput, NEW_ROWS_TO_COMPARE, ROWS_TO_JUDGE } from './index.js';

/** Log-loss and accuracy are there where labels are; the tests take them as numbers. */
const numbers = (metrics: Metrics) => metrics as Required<Metrics>;
const classify = (input: Omit<GateInput, 'kind'>) => decideGate({ kind: 'classification', ...input });
const labels = ['a', 'b'];
/** Half of each label. */
const balanced = (rows: number) => Array.from({ length: rows }, (_, row) => labels[row % 2]);
const all = (truth: string[]) => truth.map((_, row) => row);
/** Gives the true label the probability that `certainty` says of the row. */
function answers(truth: string[], rows: number[], certainty: (row: number) => number): Float32Array {
  return Float32Array.from(
    rows.flatMap((row) => {
      const p = certainty(row);
      return truth[row] === 'a' ? [p, 1 - p] : [1 - p, p];
    }),
  );
}
const candidate = (truth: string[], certainty: (row: number) => number, rows = all(truth)) => ({
  labels,
  rows,
  predictions: answers(truth, rows, certainty),
});
const live = (truth: string[], rows: number[], certainty: (row: number) => number) => ({
  version: 7,
  labels,
  rows,
  predictions: answers(truth, rows, certainty),
});

t.test('a candidate that knows something goes live, and the numbers say why', async (t) => {
  const truth = balanced(40);
  const gate = classify({ truth, candidate: candidate(truth, () => 0.9) });
  t.equal(gate.promoted, true);
  t.match(gate.candidate, { accuracy: 1, rows: 40 });
  t.ok(Math.abs(numbers(gate.candidate).logLoss + Math.log(0.9)) < 1e-6);
  t.match(gate.majority, { accuracy: 0.5, rows: 40 });
  t.ok(Math.abs(numbers(gate.majority).logLoss - Math.log(2)) < 1e-6);
  t.equal(gate.live, null);
  t.match(gate.reason, /40 held-out examples it beats the majority class: log-loss 0.105 against 0.693/);
});

t.test('a candidate that knows nothing does not go live', async (t) => {
  const truth = balanced(40);
  const gate = classify({ truth, candidate: candidate(truth, (row) => (row % 4 < 2 ? 0.9 : 0.1)) });
  t.equal(gate.promoted, false);
  t.match(gate.reason, /does not beat the majority class/);
});

t.test('better log-loss does not excuse markedly worse accuracy', async (t) => {
  // 30 of 40 are a: answering a is right three times in four.
  const truth = Array.from({ length: 40 }, (_, row) => (row < 30 ? 'a' : 'b'));
  const gate = classify({
    truth,
    candidate: candidate(truth, (row) => (row < 20 ? 0.95 : row < 30 ? 0.49 : 0.55)),
  });
  t.equal(gate.promoted, true, 'here accuracy is level');
  const worse = classify({ truth, candidate: candidate(truth, (row) => (row < 10 ? 0.99 : 0.49)) });
  t.ok(numbers(worse.candidate).logLoss < numbers(worse.majority).logLoss);
  t.equal(worse.promoted, false);
});

t.test(
  'of a few clicks the first version gets the benefit of the doubt, not of evidence against it',
  async (t) => {
    const truth = balanced(8);
    const unsure = classify({ truth, candidate: candidate(truth, (row) => (row < 5 ? 0.6 : 0.35)) });
    t.ok(numbers(unsure.candidate).logLoss > numbers(unsure.majority).logLoss);
    t.equal(unsure.promoted, true);
    t.match(unsure.reason, /Too few examples .* goes live/);
    const wrong = classify({ truth, candidate: candidate(truth, () => 0.2) });
    t.equal(wrong.promoted, false);
    const many = balanced(ROWS_TO_JUDGE);
    const judged = classify({
      truth: many,
      candidate: candidate(many, (row) => (row % 8 < 4 ? 0.6 : 0.35)),
    });
    t.equal(judged.promoted, false, 'with enough rows it must win');
  },
);

t.test('against a live version the newer examples decide, measured on both', async (t) => {
  const truth = balanced(60);
  const rows = all(truth).slice(40);
  const better = classify({
    truth,
    candidate: candidate(truth, () => 0.8),
    live: live(truth, rows, () => 0.7),
  });
  t.equal(better.promoted, true);
  t.match(better.live, { version: 7, candidate: { rows: 20 }, live: { rows: 20 } });
  t.match(better.reason, /On the 20 examples that came after version 7 it beats that version/);
  const worse = classify({
    truth,
    candidate: candidate(truth, (row) => (row < 40 ? 0.99 : 0.6)),
    live: live(truth, rows, () => 0.7),
  });
  t.equal(worse.promoted, false, 'what it says of older rows does not count');
  t.match(worse.reason, /does not beat that version/);
  const level = classify({
    truth,
    candidate: candidate(truth, () => 0.7),
    live: live(truth, rows, () => 0.7),
  });
  t.equal(level.promoted, false, 'level is not better');
});

t.test('with too few newer examples the majority class alone decides, and the reason says so', async (t) => {
  const truth = balanced(40);
  const rows = all(truth).slice(40 - NEW_ROWS_TO_COMPARE + 1);
  const gate = classify({
    truth,
    candidate: candidate(truth, () => 0.8),
    live: live(truth, rows, () => 0.99),
  });
  t.equal(gate.promoted, true);
  t.equal(gate.live, null);
  t.match(gate.reason, /Only 9 held-out examples came after version 7/);
  const few = classify({
    truth,
    candidate: candidate(truth, () => 0.8, all(truth).slice(0, 25)),
    live: live(truth, all(truth).slice(20), () => 0.99),
  });
  t.equal(few.live, null);
  t.match(
    few.reason,
    /Only 5 held-out examples came after version 7/,
    'those that the candidate learnt from do not count',
  );
});

t.test('a live version that does not know a label loses on it, and stays finite', async (t) => {
  const truth = [...balanced(40), ...Array.from({ length: 12 }, () => 'c')];
  const three = ['a', 'b', 'c'];
  const predictions = Float32Array.from(
    truth.flatMap((label) => three.map((other) => (other === label ? 0.8 : 0.1))),
  );
  const rows = all(truth).slice(40);
  const gate = classify({
    truth,
    candidate: { labels: three, rows: all(truth), predictions },
    live: { version: 1, labels, rows, predictions: new Float32Array(24).fill(0.5) },
  });
  t.equal(gate.promoted, true);
  t.ok(Number.isFinite(gate.live?.live.logLoss));
});

t.test('only rows that the candidate did not see are compared', async (t) => {
  const truth = balanced(60);
  const held = all(truth).filter((row) => row % 3 === 0);
  const gate = classify({
    truth,
    candidate: candidate(truth, () => 0.8, held),
    live: live(truth, all(truth).slice(20), () => 0.7),
  });
  t.equal(gate.candidate.rows, 20);
  t.equal(gate.live?.candidate.rows, 13);
});

t.test(
  'on rows of one label alone, who always answers it knows no more than the majority class',
  async (t) => {
    // 45 a, then 75 b, of which the candidate was trained and judged on the last 26.
    const truth = Array.from({ length: 120 }, (_, row) => (row < 45 ? 'a' : 'b'));
    const rows = all(truth).slice(94);
    const constant = candidate(truth, () => 0.98, rows);
    const gate = classify({ truth, candidate: constant, head: candidate(truth, () => 0.97, rows) });
    t.match(gate.majority, { rows: 26, logLoss: 0, accuracy: 1 });
    t.equal(gate.promoted, false);
    t.match(gate.reason, /does not beat the majority class/);
  },
);

t.test('whatever the numbers, the decision is finite and agrees with itself', async () => {
  const certainty = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      certainty,
      certainty,
      fc.nat(60),
      fc.boolean(),
      (rows, own, other, from, isLive) => {
        const truth = balanced(rows);
        const gate = classify({
          truth,
          candidate: candidate(truth, (row) => own[row]),
          live: isLive ? live(truth, all(truth).slice(from), (row) => other[row]) : undefined,
        });
        const figures = [gate.candidate, gate.majority, gate.live?.candidate, gate.live?.live].flatMap(
          (metrics) => (metrics ? Object.values(metrics) : []),
        );
        const beaten =
          gate.live !== null && numbers(gate.live.candidate).logLoss >= numbers(gate.live.live).logLoss;
        return figures.every(Number.isFinite) && !(gate.promoted && beaten) && gate.reason.length > 0;
      },
    ),
  );
});

t.test('adapters must answer more than the head alone, or be surer where they are right', async (t) => {
  const truth = balanced(40);
  const head = candidate(truth, (row) => (row < 30 ? 0.8 : 0.3));
  const better = classify({ truth, candidate: candidate(truth, (row) => (row < 34 ? 0.7 : 0.3)), head });
  t.equal(better.promoted, true);
  t.match(better.head, { candidate: { accuracy: 0.85 }, head: { accuracy: 0.75 } });
  t.match(better.reason, /on the same 40 examples, the adapters beat the head alone/);
  const sober = classify({ truth, candidate: candidate(truth, (row) => (row < 30 ? 0.9 : 0.4)), head });
  t.equal(sober.promoted, true, 'as many, and surer where it is right');
  const rarer = classify({ truth, candidate: candidate(truth, (row) => (row < 29 ? 0.95 : 0.45)), head });
  t.equal(rarer.promoted, true, 'one fewer, at a lower loss');
  const bolder = classify({ truth, candidate: candidate(truth, (row) => (row < 31 ? 0.8 : 0.1)), head });
  t.equal(bolder.promoted, true, 'one more, at a higher loss');
  const worse = classify({ truth, candidate: candidate(truth, (row) => (row < 29 ? 0.8 : 0.3)), head });
  t.equal(worse.promoted, false);
  t.match(worse.reason, /the adapters do not beat the head alone/);
});

t.test('of several labels a row each counts, and of values the squared error', async (t) => {
  const truth = Array.from({ length: 30 }, (_, row) =>
    row % 3 === 0 ? ['a', 'b'] : row % 3 === 1 ? ['b'] : [],
  );
  const rows = all(truth.map(String));
  const knows = Float32Array.from(
    truth.flatMap((own) => labels.map((label) => (own.includes(label) ? 0.9 : 0.2))),
  );
  const several = decideGate({ kind: 'multilabel', truth, candidate: { labels, rows, predictions: knows } });
  t.equal(several.promoted, true);
  t.equal(several.candidate.accuracy, 1);
  t.ok(numbers(several.candidate).logLoss < numbers(several.majority).logLoss);

  const values = rows.map((row) => row / 10);
  const near = Float32Array.from(values, (value, row) => value + (row % 2 ? 0.1 : -0.1));
  const guess = (predictions: Float32Array) =>
    decideGate({ kind: 'regression', truth: values, candidate: { labels: [], rows, predictions } });
  t.equal(guess(near).promoted, true);
  t.match(guess(near).reason, /beats the mean value: root mean squared error 0.100/);
  t.ok(numbers(guess(near).candidate).r2 > 0.9);
  t.equal(guess(Float32Array.from(values, (value) => 3 - value)).promoted, false);
});
