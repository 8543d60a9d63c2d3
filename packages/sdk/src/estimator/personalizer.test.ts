import type { Answer } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { EarlyStopping, livePlot, Personalizer, progressBar } from '../index.js';
import { measure } from './evaluate.js';
import { dealFolds, holdBack } from './folds.js';
import type { Trainer, TrainRequest } from './trainer.js';

/** Learns by heart: answers a known text with its label, any other with the commonest one. Worse with a rank below 4. */
function memorizer() {
  const memory = new Map<string, Map<string, Answer>>();
  const requests: TrainRequest[] = [];
  const ranks = new Map<string, number>();
  const trainer: Trainer = {
    kind: async () => 'classification',
    async train(user, request) {
      requests.push(request);
      const learnt = request.keepOthers ? (memory.get(user) ?? new Map()) : new Map<string, Answer>();
      for (const { input, label } of request.rows) learnt.set(input.replace(/\d/g, ''), label);
      memory.set(user, learnt);
      ranks.set(user, request.training.rank ?? 8);
      for (let step = 1; step <= 10 && !request.signal.aborted; step += 1) {
        request.onProgress(step / 10, 'head');
        request.onMetric({
          ...{ series: 'final', step, attempt: 1 },
          ...{ loss: 1 / step, validationLoss: Math.abs(step - 3) },
        });
      }
      return { version: 1, method: 'head', gate: null, stopped: request.signal.aborted };
    },
    async predict(user, inputs) {
      const learnt = memory.get(user) ?? new Map();
      return inputs.map((input) => {
        const known = (ranks.get(user) ?? 8) >= 4 ? learnt.get(input.replace(/\d/g, '')) : undefined;
        const label = (known ?? 'a') as string;
        return { label, probability: 0.9, probabilities: { [label]: 0.9 }, abstained: false };
      });
    },
    async forget(user) {
      memory.delete(user);
    },
    async close() {},
  };
  return { trainer, memory, requests };
}

const texts = Array.from({ length: 40 }, (_, at) => `${at % 2 ? 'red' : 'green'} ${at}`);
const labels = texts.map((text) => (text.startsWith('red') ? 'a' : 'b'));
const create = (trainer: Trainer, params = {}) =>
  new Personalizer({ trainer, task: 'colours', user: 'ada', ...params });

t.test('fit, predict, predictProba and score do what their names say elsewhere', async (t) => {
  const { trainer, requests } = memorizer();
  const model = create(trainer, { rank: 4, method: 'lora', gate: true });
  const history = await model.fit(texts, labels, { sampleWeight: texts.map(() => 2) });
  t.match(history, { version: 1, stopped: null, validation: null });
  t.equal(history.metrics.length, 10);
  t.match(requests[0], { keepOthers: false, gate: true, training: { rank: 4, method: 'lora' } });
  t.equal(requests[0]?.rows[0]?.weight, 2);
  t.strictSame(await model.predict(['red 7', 'green 8']), ['a', 'b']);
  t.strictSame(await model.predictProba(['red 7']), [{ a: 0.9 }]);
  t.equal(await model.score(texts, labels), 1);
  await model.partialFit(['blue'], ['b']);
  t.ok(requests[1]?.keepOthers);
  t.equal(await model.score(['blue', 'red'], ['b', 'a']), 1);
});

t.test('the same rows have the same ids, and copies ids of their own', async (t) => {
  const { trainer, requests } = memorizer();
  const model = create(trainer);
  await model.fit(['x', 'x', 'y'], ['a', 'a', 'b']);
  await model.fit(['y', 'x'], ['b', 'a']);
  const [first, second] = requests.map(({ rows }) => rows.map(({ id }) => id));
  t.equal(new Set(first).size, 3);
  t.strictSame(second, [first![2], first![0]]);
});

t.test('parameters are read, changed and copied, never shared', async (t) => {
  const model = create(memorizer().trainer, { rank: 2 });
  const params = model.getParams();
  params.rank = 9;
  t.equal(model.getParams().rank, 2);
  t.equal(model.setParams({ epochs: 3 }), model);
  t.strictSame(model.getParams(), { rank: 2, epochs: 3 });
});

t.test('a validation split is held back, evenly by label, and evaluated on in the end', async (t) => {
  const { trainer, requests } = memorizer();
  const seen: unknown[] = [];
  const history = await create(trainer).fit(texts, labels, {
    validationSplit: 0.25,
    callbacks: [{ onTrainBegin: (info) => seen.push(info), onTrainEnd: ({ version }) => seen.push(version) }],
  });
  t.strictSame(seen, [{ rows: 30, validationRows: 10 }, 1]);
  const trained = requests[0]!.rows.filter(({ label }) => label === 'a').length;
  t.equal(trained, 15);
  t.match(history.validation, { accuracy: 1, rows: 10 });
});

t.test('early stopping ends a fit that has ceased to improve; a caller’s signal rejects it', async (t) => {
  const { trainer } = memorizer();
  const model = create(trainer);
  const history = await model.fit(texts, labels, { callbacks: [new EarlyStopping({ patience: 2 })] });
  t.equal(history.metrics.length, 5, 'best at the third, stopped two later');
  t.match(history.stopped, /validationLoss of final has not improved for 2 epochs/);
  const patient = await model.fit(texts, labels, { callbacks: [new EarlyStopping({ monitor: 'loss' })] });
  t.equal(patient.stopped, null);
  const reason = new Error('enough');
  await t.rejects(model.fit(texts, labels, { signal: AbortSignal.abort(reason) }), reason);
});

t.test('curves and progress are drawn where somebody looks', async (t) => {
  const pictures: string[][] = [];
  const plot = livePlot({ width: 40, height: 8, draw: (lines) => pictures.push(lines) });
  await create(memorizer().trainer).fit(texts, labels, { callbacks: [plot, progressBar()] });
  t.equal(pictures.length, 10);
  t.match(pictures.at(-1)?.at(-1), /training 0\.100 .*validation 7\.00/);
});

t.test('cross-validation trains without what it scores, and leaves nothing behind', async (t) => {
  const { trainer, memory, requests } = memorizer();
  const model = create(trainer);
  const result = await model.crossValidate(texts, labels, { folds: 4 });
  t.match(result, { mean: 1, std: 0, scores: [1, 1, 1, 1] });
  t.strictSame(
    requests.map(({ rows, gate }) => [rows.length, gate]),
    Array.from({ length: 4 }, () => [30, false]),
  );
  t.equal(memory.size, 0);
  await t.rejects(model.crossValidate(texts, labels, { folds: 1 }), TypeError);
});

t.test('grid search tries every combination, keeps the best and is fitted with it', async (t) => {
  const { trainer, memory } = memorizer();
  const model = create(trainer);
  const { results, best } = await model.gridSearch({ rank: [2, 4], epochs: [1, 2] }, texts, labels, {
    folds: 2,
  });
  t.equal(results.length, 4);
  t.strictSame(best, { rank: 4, epochs: 1 });
  t.match(model.getParams(), best);
  t.strictSame([...memory.keys()], ['ada']);
});

t.test('rows that do not fit together are refused', async (t) => {
  const model = create(memorizer().trainer);
  await t.rejects(model.fit(['a'], []), /X has 1 rows and y 0/);
  await t.rejects(model.fit([], []), /no rows/);
  await t.rejects(model.fit(['a'], ['b'], { validationSplit: 1 }), /validationSplit/);
  await t.rejects(model.fit(['a'], ['b'], { sampleWeight: [] }), /sampleWeight/);
});

t.test('figures are those of scikit-learn 1.5 on the same rows', async (t) => {
  const truth = ['a', 'a', 'b', 'b', 'c'];
  const said = ['a', 'b', 'b', 'b', 'a'];
  const rows = truth.map((label, at) => ({
    ...{ truth: label, answer: said[at]! },
    probabilities: { a: 0.2, b: 0.3, c: 0.5, [label]: 0.25 },
  }));
  const { accuracy, macroF1, logLoss } = measure('classification', rows);
  t.equal(accuracy, 0.6);
  // f1_score(average='macro'): (0.5 + 0.8 + 0) / 3
  t.ok(Math.abs(macroF1! - 1.3 / 3) < 1e-12);
  t.ok(Math.abs(logLoss! - -Math.log(0.25)) < 1e-12);
  const values = [3, -0.5, 2, 7].map((value, at) => ({
    ...{ truth: value, answer: [2.5, 0, 2, 8][at]! },
    probabilities: {},
  }));
  const { r2, mae } = measure('regression', values);
  // The example of r2_score's own documentation.
  t.ok(Math.abs(r2! - 0.9486081370449679) < 1e-12);
  t.equal(mae, 0.5);
  const several = [
    { truth: ['x', 'y'], answer: ['y', 'x'], probabilities: { x: 0.9, y: 0.9 } },
    { truth: [], answer: ['x'], probabilities: { x: 0.6, y: 0.1 } },
  ];
  t.match(measure('multilabel', several), { accuracy: 0.5, rows: 2 });
});

t.test('folds are even by label, repeatable, and never part copies of one text', async (t) => {
  await fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('p', 'q', 'r', 's', 't', 'u'), fc.constantFrom('a', 'b')), {
        minLength: 4,
        maxLength: 40,
      }),
      fc.integer({ min: 2, max: 4 }),
      fc.nat(),
      (rows, count, seed) => {
        const X = rows.map(([text], at) => (at % 3 ? `${text}${at}` : text));
        const y = rows.map(([, label]) => label);
        const folds = dealFolds(X, y, count, seed);
        t.strictSame(folds, dealFolds(X, y, count, seed));
        const foldOf = new Map<string, number>();
        for (const [row, text] of X.entries()) {
          t.equal(foldOf.get(text) ?? folds[row], folds[row]);
          foldOf.set(text, folds[row]!);
        }
        const sizes = Array.from(
          { length: count },
          (_, fold) => [...foldOf.values()].filter((f) => f === fold).length,
        );
        t.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
      },
    ),
    { numRuns: 100 },
  );
});

t.test('some row is held back, and some is left, whatever the share', async (t) => {
  for (const share of [0.01, 0.3, 0.99])
    for (const rows of [2, 3, 10]) {
      const held = holdBack(texts.slice(0, rows), labels.slice(0, rows), share, 1).size;
      t.ok(held >= 1 && held < rows, `${held} of ${rows} at ${share}`);
    }
});

t.test(
  'a fit that would hold back every row, all of one text, is refused before anything is learnt',
  async (t) => {
    const { trainer, requests } = memorizer();
    const fitting = create(trainer).fit(['red', 'red'], ['a', 'b'], { validationSplit: 0.5 });
    await t.rejects(fitting, { name: 'TypeError', message: /two different texts/ });
    t.equal(requests.length, 0);
    await create(trainer).fit(['red', 'red'], ['a', 'b']);
    t.equal(requests[0]?.rows.length, 2, 'without a split they are learnt from');
  },
);
