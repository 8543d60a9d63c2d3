import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, TaskKind } from '@scion/contracts';
import t from 'tap';
import { createRandom } from '../head/random.js';
import {
  createEngine,
  type FitEvent,
  LORA_SETTINGS,
  type LoraSettings,
  registerBase,
  type TrainedLora,
} from '../index.js';
import { writeTinyBert } from '../testing/tiny-bert.js';
import { encodeWarmStart, rowKeys } from './warm-start.js';

t.setTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), 'scion-lora-'));
const baseDir = join(root, 'base');
await writeTinyBert(join(root, 'tiny'));
await registerBase({ folder: join(root, 'tiny'), outDir: baseDir, name: 'tiny' });
const engine = await createEngine({
  ...{ baseDir, threads: 2, cacheBytes: 1 << 20 },
  loadAdapter: async () => undefined,
});
t.teardown(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

const settings: LoraSettings = {
  ...LORA_SETTINGS,
  rank: 2,
  alpha: 4,
  epochs: 4,
  batchRows: 8,
  adapterRate: 0.02,
};
const random = createRandom(5);
const words = ['tea', 'rain', 'sun', 'snow', 'teas', 'suns'];
/** Texts of words in any order, none twice. */
const texts = [
  ...new Set(
    Array.from({ length: 90 }, () =>
      Array.from({ length: 2 + Math.floor(4 * random()) }, () => words[Math.floor(6 * random())]).join(' '),
    ),
  ),
].slice(0, 64);
const count = (text: string, word: string) =>
  text.split(' ').filter((other) => other.startsWith(word)).length;
const tasks: Record<TaskKind, Answer[]> = {
  classification: texts.map((text) => (count(text, 'sun') > count(text, 'rain') ? 'fair' : 'foul')),
  multilabel: texts.map((text) => ['tea', 'snow'].filter((word) => count(text, word) > 0)),
  regression: texts.map((text) => 10 * count(text, 'sun') - 4 * count(text, 'rain')),
};

interface Run {
  kind?: TaskKind;
  seed?: number;
  answers?: Answer[];
  signal?: AbortSignal;
  resume?: Uint8Array;
  onCheckpoint?: (bytes: Uint8Array) => void;
  onEvent?: (event: FitEvent) => void;
  dataSha256?: string;
  settings?: LoraSettings;
  warmStart?: Uint8Array;
  /** Which of the texts; all when left out. */
  rows?: number[];
}

async function train({ kind = 'classification', seed = 1, signal, onEvent, rows, ...run }: Run = {}) {
  const taken = rows ?? [...texts.keys()];
  const training = engine.training(
    {
      tenantId: 'ten_a',
      kind,
      texts: taken.map((row) => texts[row]!),
      answers: taken.map((row) => (run.answers ?? tasks[kind])[row]!),
      ids: taken.map((row) => `${1000 + row}`),
    },
    { seed, signal, onEvent },
  );
  return training.lora({
    ...{ settings, headL2: 0.1, dataSha256: 'data', checkpointSeconds: 0 },
    ...run,
  });
}

/** All numbers of a model, one after another. */
const numbersOf = ({ weight, bias, matrices }: TrainedLora): number[] => [
  ...weight,
  ...bias,
  ...matrices.flatMap(({ a, b }) => [...a, ...b]),
];
const worstGap = (a: number[], b: number[]) =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? Number.NaN))), 0);

const alone = await train();

t.test(
  'the same examples and seed give the same adapters to the bit; another seed gives others',
  async (t) => {
    t.strictSame(numbersOf(await train()), numbersOf(alone));
    t.not(worstGap(numbersOf(await train({ seed: 2 })), numbersOf(alone)), 0);
    t.ok(
      alone.matrices.every(({ b }) => b.some((value) => value !== 0)),
      'B has left zero',
    );
    t.equal(alone.outOfFold.rows.length, texts.length);
    t.strictSame(alone.headOutOfFold.rows, alone.outOfFold.rows);
  },
);

t.test('adapters that learn nothing answer what the head alone does, at its own penalty', async (t) => {
  const still = { ...settings, adapterRate: 0, headRate: 0 };
  for (const kind of ['classification', 'multilabel', 'regression'] as const) {
    const { outOfFold, headOutOfFold } = await train({ kind, settings: still });
    const gap = worstGap([...outOfFold.predictions], [...headOutOfFold.predictions]);
    // What half precision leaves: the values of the regression reach from -20 to 50.
    const allowed = kind === 'regression' ? 0.1 : 0.02;
    t.ok(gap < allowed, `of a ${kind} they differ by at most ${gap}`);
  }
});

t.test('who trains beside others gets what they get alone, to the bit', async (t) => {
  const others: Answer[] = texts.map(
    (text) => ['dry', 'wet', 'white'][count(text, 'rain') ? 1 : count(text, 'snow') ? 2 : 0],
  );
  const [beside] = await Promise.all([train(), train({ answers: others, seed: 3 }), train({ seed: 4 })]);
  t.strictSame(numbersOf(beside), numbersOf(alone));
});

t.test(
  'any alpha that may be asked for trains, beside others of other alphas as alone to the bit',
  async (t) => {
    const of = (rank: number, alpha: number) => train({ settings: { ...settings, rank, alpha } });
    const [soft, beside, loud] = await Promise.all([of(2, 0.37), train(), of(2, 1_024)]);
    t.strictSame(numbersOf(beside!), numbersOf(alone));
    t.strictSame(numbersOf(await of(2, 0.37)), numbersOf(soft!));
    t.strictSame(numbersOf(await of(2, 1_024)), numbersOf(loud!));
    t.not(worstGap(numbersOf(soft!), numbersOf(loud!)), 0);
    const steepest = await of(1, 1_024);
    t.ok(steepest.outOfFold.predictions.every(Number.isFinite));
    const graphs = readdirSync(baseDir).filter((name) => /classification-r2\.json$/.test(name));
    t.equal(graphs.length, 1, 'one graph of a rank, whatever the alphas');
  },
);

t.test('training that leaves the range of numbers is refused by a code that nobody repeats', async (t) => {
  await t.rejects(train({ settings: { ...settings, adapterRate: 1e30 } }), {
    ...{ name: 'AppError', code: 'training_diverged', retryable: false },
  });
});

t.test('a run that died goes on from any checkpoint and ends as if it had not', async (t) => {
  const checkpoints: Uint8Array[] = [];
  await train({ onCheckpoint: (bytes) => checkpoints.push(bytes) });
  t.equal(checkpoints.length, settings.epochs / 2, 'where the fits wait for one another');
  for (const resume of checkpoints.slice(0, -1)) {
    const resumed = await train({ resume });
    t.ok(resumed.resumedFrom > 0);
    t.strictSame(numbersOf(resumed), numbersOf(alone));
  }
});

t.test('a checkpoint of other examples, another seed, or damaged is not believed', async (t) => {
  const checkpoints: Uint8Array[] = [];
  await train({ onCheckpoint: (bytes) => checkpoints.push(bytes) });
  const [resume] = checkpoints;
  for (const run of [
    { dataSha256: 'other' },
    { seed: 9 },
    { resume: resume!.slice(0, 200) },
    { resume: new Uint8Array() },
  ])
    t.equal((await train({ resume, ...run })).resumedFrom, 0);
});

t.test('cancelled between steps it rejects with the reason, and the threads go on with others', async (t) => {
  const abort = new AbortController();
  const reason = new Error('enough');
  const training = train({
    signal: abort.signal,
    onEvent({ series }) {
      if (series === 'lora') abort.abort(reason);
    },
  });
  const beside = train();
  await t.rejects(training, reason);
  t.strictSame(numbersOf(await beside), numbersOf(alone));
});

t.test('events tell loss, held-out loss and score, pace and what is left', async (t) => {
  const events: FitEvent[] = [];
  await train({ onEvent: (event) => events.push(event) });
  const own = events.filter(({ series }) => series === 'lora');
  t.equal(own.at(-1)?.step, 8 * settings.epochs);
  t.ok(own.every(({ loss, examplesPerSecond }) => loss! > 0 && examplesPerSecond! > 0));
  t.ok((own.at(-1)?.etaSeconds ?? 0) < (own[0]?.etaSeconds ?? 0));
  const held = events.filter(({ series }) => series === 'lora held out');
  t.equal(held.length, settings.epochs / 2, 'after each epoch beyond the middle');
  t.ok(held.every(({ validationLoss, validationScore }) => validationLoss! > 0 && validationScore! <= 1));
});

t.test('several labels a row and values are learnt too, and answered in their own form', async (t) => {
  const several = await train({ kind: 'multilabel' });
  t.strictSame(several.labels, ['snow', 'tea']);
  t.ok([...several.outOfFold.predictions].every((p) => p >= 0 && p <= 1));
  const values = await train({ kind: 'regression' });
  t.strictSame(values.labels, []);
  const truth = tasks.regression as number[];
  const miss = (answers: ArrayLike<number>) =>
    values.outOfFold.rows.reduce((sum, row, at) => sum + (answers[at]! - truth[row]!) ** 2, 0);
  const mean = truth.reduce((sum, value) => sum + value, 0) / truth.length;
  t.ok(miss(values.outOfFold.predictions) < miss(truth.map(() => mean)), 'better than always the mean');
});

t.test(
  'rows of one text are not adapted to, since no fold could do without it; two texts are enough',
  async (t) => {
    const train = (inputs: string[]) =>
      engine.training(
        {
          ...{ tenantId: 'ten_a', kind: 'classification', texts: inputs },
          answers: inputs.map((_, row) => (row % 3 === 0 ? 'fair' : 'foul')),
          ids: inputs.map((_, row) => `${1000 + row}`),
        },
        { seed: 1 },
      );
    const one = train(texts.slice(0, 30).map(() => 'tea sun'));
    t.equal(one.canAdapt, false);
    t.ok(
      [...(await one.head()).weight].every((value) => Math.abs(value) < 100),
      'the head is all there is',
    );
    const two = train(texts.slice(0, 30).map((_, row) => (row < 29 ? 'tea sun' : 'rain')));
    t.equal(two.canAdapt, true);
    const lora = await two.lora({ settings, headL2: 0.1, dataSha256: 'data' });
    t.ok(numbersOf(lora).every(Number.isFinite));
  },
);

t.test(
  'of more rows than fit, sorted by label, adapters learn from the newest of each, as many as it is frequent',
  async (t) => {
    const long = (text: string, row: number) => `${text} ${words[row % 6]} ${words[row % 5]}`.repeat(4);
    const inputs = Array.from({ length: 12_000 }, (_, row) => long(texts[row % texts.length]!, row));
    const first = 4_000;
    const training = engine.training(
      {
        ...{ tenantId: 'ten_a', kind: 'classification', texts: inputs },
        answers: inputs.map((_, row) => (row < first ? 'foul' : 'fair')),
        ids: inputs.map((_, row) => `${10_000 + row}`),
      },
      { seed: 1 },
    );
    const { outOfFold } = await training.lora({
      settings: { ...settings, epochs: 1, batchRows: 512 },
      ...{ headL2: 0.1, dataSha256: 'data' },
    });
    const taken = outOfFold.rows.toSorted((a, b) => a - b);
    const foul = taken.filter((row) => row < first);
    t.ok(taken.length < inputs.length, `${taken.length} rows`);
    t.ok(Math.abs(foul.length / taken.length - first / inputs.length) < 1e-3, `${foul.length} of one label`);
    t.equal(taken[0], first - foul.length, 'the newest of one');
    t.equal(taken[foul.length], inputs.length - (taken.length - foul.length), 'and of the other');
  },
);

const upTo = (count: number, first = 0) => Array.from({ length: count - first }, (_, i) => first + i);

t.test('where only some rows are new, training goes on from what the one before left', async (t) => {
  for (const kind of ['classification', 'multilabel', 'regression'] as const) {
    const before = await train({ kind, rows: upTo(48) });
    t.equal(before.continued, false);
    const steps: FitEvent[] = [];
    const run = { kind, warmStart: before.warmStart, onEvent: (event: FitEvent) => steps.push(event) };
    const after = await train(run);
    t.ok(after.continued, kind);
    t.match(after.settings, { epochs: 3, adapterRate: settings.adapterRate / 2 });
    t.equal(steps.filter(({ series }) => series === 'lora').at(-1)?.step, 8 * after.settings.epochs);
    t.strictSame(numbersOf(await train(run)), numbersOf(after), 'to the bit, as from scratch');
    // Nothing else than rounding to halves has happened to what it starts from.
    const still = { ...settings, adapterRate: 0, headRate: 0 };
    const kept = await train({ kind, rows: upTo(48), settings: still });
    const same = await train({ kind, settings: still, warmStart: kept.warmStart });
    t.ok(same.continued);
    const gap = worstGap([...same.outOfFold.predictions], [...same.headOutOfFold.predictions]);
    t.ok(gap < (kind === 'regression' ? 0.1 : 0.02), `no change is no change: ${gap}`);
  }
});

t.test('no fit that goes on is judged on a row that it or those before it have seen', async (t) => {
  // Nothing can be learnt of these but by heart.
  const chance = createRandom(11);
  const answers = texts.map(() => (chance() < 0.5 ? 'fair' : 'foul'));
  const byHeart = { ...settings, epochs: 20, adapterRate: 0.05, headRate: 0.05 };
  let warmStart: Uint8Array | undefined;
  for (const count of [46, 52, 58, 64]) {
    const { outOfFold, ...model } = await train({
      ...{ answers, settings: byHeart, rows: upTo(count) },
      ...(warmStart && { warmStart }),
    });
    t.equal(model.continued, count > 46);
    ({ warmStart } = model);
    const right = outOfFold.rows.filter(
      (row, at) => (outOfFold.predictions[2 * at]! > 0.5 ? 'fair' : 'foul') === answers[row],
    ).length;
    t.ok(right / count < 0.7, `${right} of ${count} held-out rows are answered right, as by chance`);
  }
});

t.test(
  'with a row gone or changed, none new, or a warm start of other work, it is from scratch',
  async (t) => {
    const { warmStart } = await train({ rows: upTo(60) });
    const changed = tasks.classification.map((answer, row) =>
      row === 3 ? (answer === 'fair' ? 'foul' : 'fair') : answer,
    );
    const runs: Run[] = [
      { rows: upTo(64, 1) },
      { answers: changed },
      { rows: upTo(60) },
      { seed: 2 },
      { settings: { ...settings, headRate: 0.001 } },
      { warmStart: warmStart.slice(0, 900) },
      { warmStart: new Uint8Array() },
    ];
    for (const run of runs) {
      const found = await train({ warmStart, ...run });
      t.equal(found.continued, false);
      const { warmStart: _, ...fresh } = run;
      t.strictSame(numbersOf(found), numbersOf(await train(fresh)));
    }
  },
);

t.test('where what it went on from makes it diverge, training starts from scratch', async (t) => {
  const scratch = await train();
  const size = scratch.weight.length + scratch.bias.length;
  const adapters = scratch.matrices.reduce((sum, { a, b }) => sum + a.length + b.length, 0);
  const rows = upTo(60).map((row) => ({
    ...{ id: `${1000 + row}`, text: texts[row]!, answer: tasks.classification[row]!, weight: 1 },
  }));
  const steep = encodeWarmStart(
    {
      changes: Array.from({ length: 3 }, () => new Float32Array(size + adapters).fill(60_000)),
      folds: new Map(rowKeys(rows).map((key, i) => [key, i % 2])),
      since: { rows: 60, added: 0, starts: 0 },
    },
    {
      ...{ settings, classBalance: 0, seed: 1, kind: 'classification', labels: ['fair', 'foul'] },
      baseSha256: engine.base.sha256,
    },
  );
  const found = await train({ warmStart: steep });
  t.equal(found.continued, false);
  t.strictSame(numbersOf(found), numbersOf(scratch));
});

t.test('a checkpoint of a training that went on is of use to that one alone', async (t) => {
  const { warmStart } = await train({ rows: upTo(60) });
  const checkpoints: Uint8Array[] = [];
  const whole = await train({ warmStart, onCheckpoint: (bytes) => checkpoints.push(bytes) });
  const [resume] = checkpoints;
  const resumed = await train({ warmStart, resume });
  t.ok(resumed.resumedFrom > 0);
  t.strictSame(numbersOf(resumed), numbersOf(whole));
  t.equal((await train({ resume })).resumedFrom, 0);
});
