// How long fitting a head takes by rows and labels, cross-validation of its penalty included, by the runtime's products and by
// plain JavaScript's, which the same steps are made with.
//
//   SCION_SHARED=../shared node test/bench/head.mjs [--quick]
//
// Rows are real texts: of one set, or of all sets mixed, asked which set they are of or which label of which set. One
// thread, features at hand: embedding a row of 32 tokens takes a thread another 9 ms. Of each pair the median of three fits, of
// those above ten seconds one. Prints a table and writes test/bench/out/head.json.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEngine, targetsOf } from '@scion/engine';
import { fitHead } from '../../packages/engine/dist/head/fit-head.js';
import { openProducts } from '../../packages/engine/dist/thread/session-products.js';
import { median, temporaryBase } from './clones.mjs';
import { createReport } from './report.mjs';

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const { SCION_SHARED = fileURLToPath(new URL('../../../shared', import.meta.url)) } = process.env;
const folder = join(SCION_SHARED, 'data/text');
if (!existsSync(folder)) {
  console.log('skipped: no labelled sets; set SCION_SHARED to the folder that holds data/text');
  process.exit(0);
}
const rowsOf = (set) =>
  readFileSync(join(folder, set, 'train.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ set, ...JSON.parse(line) }));
const sets = readdirSync(folder).sort();
/** Row by row of every set in turn, so that any first rows are of all. */
const mixed = (() => {
  const all = sets.map(rowsOf);
  return Array.from({ length: Math.max(...all.map((rows) => rows.length)) }, (_, at) =>
    all.flatMap((rows) => (at < rows.length ? [rows[at]] : [])),
  ).flat();
})();
const cases = [
  ['sst2', rowsOf('sst2').slice(0, 200), ({ label }) => label],
  ['banking77', rowsOf('banking77').slice(0, 200), ({ label }) => label],
  ['sst2', rowsOf('sst2'), ({ label }) => label],
  ['banking77', rowsOf('banking77'), ({ label }) => label],
  ['which set', mixed.slice(0, 2_000), ({ set }) => set],
  ...(flags.quick
    ? []
    : [
        ['all labels', mixed.slice(0, 2_000), ({ set, label }) => `${set} ${label}`],
        ['which set', mixed, ({ set }) => set],
      ]),
];

const report = createReport('head');
const { baseDir, base } = await temporaryBase();
const engine = await createEngine({
  baseDir,
  threads: 2,
  cacheBytes: 1 << 24,
  loadAdapter: async () => undefined,
});
const columns = base.featureSize;
const products = openProducts();

async function fit(rows, labelOf, how) {
  const truth = rows.map(labelOf);
  const targets = targetsOf('classification', truth, [...new Set(truth)].sort());
  const data = {
    ...{ columns, targets, features: rows.features },
    rowWeights: new Float64Array(rows.length).fill(1),
    groups: Int32Array.from(rows.keys()),
  };
  const seconds = [];
  let fitted;
  do {
    const startedAt = performance.now();
    fitted = await fitHead(data, { seed: 0, ...(how === 'runtime' && { products }) });
    seconds.push((performance.now() - startedAt) / 1_000);
  } while (seconds.length < 3 && seconds[0] < 10);
  return { seconds: median(seconds), outputs: targets.outputs, l2: fitted.recipe.l2 };
}

/** Both ways once untimed, for the compiler. */
const [, warmUp, labelOfWarmUp] = cases[0];
for (const [name, rows, labelOf] of cases) {
  rows.features = await engine.features(rows.map(({ text }) => text));
  if (rows === warmUp) for (const how of ['runtime', 'plain']) await fit(rows, labelOfWarmUp, how);
  const runtime = await fit(rows, labelOf, 'runtime');
  const plain = await fit(rows, labelOf, 'plain');
  if (runtime.l2 !== plain.l2) throw new Error(`${name}: the products lead to different penalties`);
  const what = `${name}: ${rows.length} rows, ${runtime.outputs} labels`;
  report.add(what, runtime.seconds, 's');
  report.add(`${what}, plain`, plain.seconds, 's');
  report.add(`${what}, plain / runtime`, plain.seconds / runtime.seconds, '×');
}
report.write();
await products.close();
await engine.close();
