import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Card } from '@scion/contracts';
import t from 'tap';
import { createRandom } from './head/random.js';
import {
  type AdapterKey,
  type AdapterSite,
  createEngine,
  type Engine,
  encodeAdapter,
  registerBase,
} from './index.js';
import { softmax } from './softmax.js';
import { tinyConfig, tinyWeights, writeTinyBert } from './testing/tiny-bert.js';
import { createThreadPool } from './thread/pool.js';
import type { ThreadSetup } from './thread/protocol.js';

/**
 * A LoRA adapter is a change of weights, so there is an independent answer to compare with: the base whose weights were
 * changed beforehand, registered as a base of its own.
 */
const root = mkdtempSync(join(tmpdir(), 'scion-mixed-'));
const engines: Engine[] = [];
t.teardown(async () => {
  for (const engine of engines) await engine.close();
  rmSync(root, { recursive: true, force: true });
});
const files = new Map<string, Uint8Array>();
const config = { ...tinyConfig, num_hidden_layers: 3 };
const layout = { featureLayers: [1, 2, 3], topLayers: 2 };

async function open(name: string, weights: ReturnType<typeof tinyWeights>): Promise<Engine> {
  const folder = join(root, `${name}-source`);
  const baseDir = join(root, name);
  await writeTinyBert(folder, { config, weights });
  await registerBase({ folder, outDir: baseDir, name, ...layout });
  const engine = await createEngine({
    ...{ baseDir, threads: 1, cacheBytes: 1 << 20, trunkCacheBytes: 1 << 20 },
    loadAdapter: async ({ user }: AdapterKey) => files.get(user),
  });
  engines.push(engine);
  return engine;
}
const engine = await open('base', tinyWeights(config));
const texts = ['tea', 'rain sun', 'snow tea rain sun tea', 'suns rains', '', 'tea rain snow snow snow'];

interface User {
  name: string;
  labels: number;
  rank?: number;
  layers?: number[];
}
const users: User[] = [
  { name: 'head-only', labels: 2 },
  { name: 'rank-1', labels: 3, rank: 1, layers: [1, 2] },
  { name: 'rank-4', labels: 5, rank: 4, layers: [1, 2] },
  { name: 'upper-layer', labels: 2, rank: 2, layers: [2] },
  { name: 'another-head', labels: 4 },
];

/** Halves, so that what is stored is what was meant. */
const halvesFrom = (random: () => number, count: number) =>
  Float32Array.from({ length: count }, () => Math.round((random() - 0.5) * 64) / 64);

/** The largest difference of two lists of equal length. */
const distance = (values: Float32Array, expected: number[]) =>
  Math.max(...expected.map((value, i) => Math.abs(value - values[i])));

/** Publishes a user's adapter, and answers from the base with the same change in its weights. */
async function plant(user: User, seed: number) {
  const random = createRandom(seed);
  const { featureSize } = engine.base;
  const labels = Array.from({ length: user.labels }, (_, i) => `label-${i}`);
  const weight = halvesFrom(random, user.labels * featureSize);
  const bias = halvesFrom(random, user.labels);
  const { rank = 1, layers = [] } = user;
  const alpha = 2 * rank;
  const lora = engine.base.sites
    .filter(({ layer }) => layers.includes(layer))
    .map((site) => ({
      site,
      a: halvesFrom(random, site.inFeatures * rank),
      b: halvesFrom(random, rank * site.outFeatures),
    }));
  const owner = { tenantId: 'ten_a', task: 'weather', user: user.name };
  const metrics = { accuracy: 1, macroF1: 1, logLoss: 0, rows: 1 };
  const card: Card = {
    ...{ task: 'weather', version: 1, jobId: 'job_01aryz6s41tsv4rrffq69g5fav', labels, examples: 1 },
    createdAt: '2026-11-23T20:15:00.000Z',
    method: lora.length > 0 ? 'lora' : 'head',
    examplesPerLabel: {},
    baseSha256: engine.base.sha256,
    dataSha256: 'd'.repeat(64),
    recipe: {
      ...{ l2: 1, folds: 2, seed, temperature: 1 },
      ...(lora.length > 0 && { lora: { rank, alpha, layers, targets: ['query', 'value'] } }),
    },
    seconds: { embed: 0, fit: 0 },
    gate: { promoted: true, reason: 'test', candidate: metrics, majority: metrics, live: null },
  };
  const { bytes, sha256 } = encodeAdapter({ weight, bias, lora, card, owner });
  files.set(user.name, bytes);

  const changed = await open(user.name, merged(lora, rank, alpha));
  const features = await changed.features(texts);
  const moved = distance(features, [...(await engine.features(texts))]);
  const expected = texts.map((_, row) => {
    const scores = Float32Array.from(labels, (__, label) => {
      let score = bias[label];
      for (let j = 0; j < featureSize; j += 1)
        score += weight[label * featureSize + j] * features[row * featureSize + j];
      return score;
    });
    softmax(scores);
    return [...scores];
  });
  return { key: { ...owner, version: 1, adapterSha256: sha256 }, expected, moved };
}

/** The base's weights with each W (stored [out, in]) plus (alpha / rank) · (A · B)ᵀ. */
function merged(
  lora: { site: AdapterSite; a: Float32Array; b: Float32Array }[],
  rank: number,
  alpha: number,
) {
  const weights = tinyWeights(config);
  for (const { site, a, b } of lora) {
    const { data } = weights.get(`${site.module}.weight`)!;
    const w = new Float32Array(data.buffer, data.byteOffset, site.inFeatures * site.outFeatures);
    for (let out = 0; out < site.outFeatures; out += 1)
      for (let into = 0; into < site.inFeatures; into += 1)
        for (let r = 0; r < rank; r += 1)
          w[out * site.inFeatures + into] +=
            (alpha / rank) * a[into * rank + r] * b[r * site.outFeatures + out];
  }
  return weights;
}

const planted = await Promise.all(users.map((user, at) => plant(user, at + 1)));

t.test(
  'users of different ranks, layers and labels in one batch get what their own merged base says',
  async (t) => {
    const answers = await Promise.all(planted.map(({ key }) => engine.predict(key, texts)));
    for (const [at, { expected, moved }] of planted.entries()) {
      const { labels, probabilities } = answers[at];
      t.equal(labels.length, users[at].labels);
      t.ok(distance(probabilities, expected.flat()) < 1e-5, users[at].name);
      t.equal(moved > 0.05, users[at].rank !== undefined, 'and the adapters matter');
    }
  },
);

t.test('alone, or one text at a time, the answers are the same', async (t) => {
  for (const [at, { key, expected }] of planted.entries()) {
    const alone = await engine.predict(key, texts);
    t.ok(distance(alone.probabilities, expected.flat()) < 1e-5, users[at].name);
    const apart = await Promise.all(texts.map((text) => engine.predict(key, [text])));
    for (const [row, { probabilities }] of apart.entries())
      t.ok(distance(probabilities, expected[row]) < 1e-5);
  }
});

t.test('the trunk’s output is that of the layers below the cut, whatever shared its run', async (t) => {
  const { hiddenSize, featureSize } = engine.base;
  const together = await engine.trunk(texts);
  const features = await engine.features(texts);
  for (const [row, text] of texts.entries()) {
    const [alone] = await engine.trunk([text]);
    const { tokens, hidden, pooled } = together[row];
    t.equal(hidden.length, tokens * hiddenSize);
    t.ok(distance(hidden, [...alone.hidden]) < 1e-5);
    t.equal(pooled.length, hiddenSize, 'of three feature layers one is at the cut');
    const lower = features.subarray(row * featureSize, row * featureSize + hiddenSize);
    t.ok(distance(pooled, [...lower]) < 1e-6);
  }
});

t.test('one text for many users: the trunk runs once, and each gets their own answer', async (t) => {
  const fresh = 'rain rain tea sun snow';
  const before = engine.trunkCacheState();
  const keys = [...planted, ...planted].map(({ key }) => key);
  const answers = await engine.predictEach(keys, [fresh, texts[2]]);
  const after = engine.trunkCacheState();
  t.strictSame([after.entries - before.entries, after.misses - before.misses], [1, 1]);
  for (const [at, answer] of answers.entries()) {
    const { key, expected } = planted[at % planted.length];
    if (answer.status === 'rejected') throw answer.reason;
    const { probabilities, labels } = answer.value;
    const alone = await engine.predict(key, [fresh]);
    t.ok(distance(probabilities.subarray(0, labels.length), [...alone.probabilities]) < 1e-5);
    t.ok(distance(probabilities.subarray(labels.length), expected[2]) < 1e-5);
  }
});

t.test('many users’ models answer many texts where fewer rows may wait than there are', async (t) => {
  const small = await createEngine({
    ...{ baseDir: join(root, 'base'), threads: 1, cacheBytes: 1 << 20, maxQueuedRows: 8 },
    loadAdapter: async ({ user }: AdapterKey) => files.get(user),
  });
  t.teardown(() => small.close());
  const answers = await small.predictEach(
    planted.map(({ key }) => key),
    texts,
  );
  for (const [at, answer] of answers.entries()) {
    if (answer.status === 'rejected') throw answer.reason;
    t.ok(distance(answer.value.probabilities, planted[at].expected.flat()) < 1e-5, users[at].name);
  }
});

t.test('a model that cannot answer is told apart from those that can', async (t) => {
  const [first, second] = planted;
  const answers = await engine.predictEach(
    [first.key, { ...second.key, adapterSha256: 'f'.repeat(64) }],
    texts,
  );
  t.match(answers, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'artifact_invalid' } }]);
  t.strictSame(await engine.predictEach([], texts), []);
  await t.rejects(engine.predictEach([first.key, { ...first.key, tenantId: 'ten_b' }], texts), TypeError);
});

t.test('what the trunk made of a tenant’s text is not found by another tenant', async (t) => {
  await engine.trunk(['tea tea tea'], { tenantId: 'ten_a' });
  const misses = () => engine.trunkCacheState().misses;
  const [before, again] = [misses(), await engine.trunk(['tea tea tea'], { tenantId: 'ten_a' })];
  t.equal(again.length, 1);
  t.equal(misses(), before, 'its own it finds');
  await engine.trunk(['tea tea tea'], { tenantId: 'ten_b' });
  t.equal(misses(), before + 1);
});

function startThread() {
  const baseDir = join(root, 'base');
  const { sites, hiddenSize, featureSize } = engine.base;
  return createThreadPool({
    size: 1,
    entry: new URL('./thread/main.js', import.meta.url),
    setup: {
      trunkPath: join(baseDir, 'trunk.onnx'),
      topPath: join(baseDir, 'top.onnx'),
      trainingPath: join(baseDir, 'training.onnx'),
      tokenizerPath: join(baseDir, 'tokenizer.json'),
      ...{ sites, hiddenSize, featureSize, provider: 'cpu', maxTokens: 16, maxTokensPerRun: 16 },
    } satisfies ThreadSetup,
    onIdle: () => {},
  });
}

t.test('a thread tells how many tokens each row had; rows that are computed once share them', async (t) => {
  const pool = await startThread();
  const answer = 'features' as const;
  const [{ tokens, trunk }, { tokens: longer }] = await pool.run({
    kind: 'rows',
    rows: ['tea', 'tea rain sun'].map((input) => ({ input, answer, keepTrunk: true })),
  });
  t.strictSame([tokens, longer], [3, 5]);
  const rows = [trunk!, trunk!, 'tea'].map((input) => ({ input, answer }));
  const again = await pool.run({ kind: 'rows', rows });
  t.strictSame(
    again.map((row) => row.tokens),
    [1.5, 1.5, 3],
  );
  await pool.close();
});

t.test('a thread that is told to end finishes its work first, however many runs that takes', async (t) => {
  const pool = await startThread();
  const rows = Array.from({ length: 50 }, () => ({ input: 'tea rain sun', answer: 'features' as const }));
  const work = pool.run({ kind: 'rows', rows });
  await Promise.all([pool.close(), t.resolves(work)]);
  t.equal((await work).length, 50);
});

t.test('the trunk cache keeps within its budget', async (t) => {
  const { budgetBytes } = engine.trunkCacheState();
  const many = Array.from({ length: 2_000 }, (_, i) => `tea ${'rain '.repeat(i % 9)} ${i}`);
  await engine.trunk(many, { tenantId: 'ten_a' });
  const { bytes, entries } = engine.trunkCacheState();
  t.ok(bytes <= budgetBytes && bytes > budgetBytes / 2, `${bytes} of ${budgetBytes}`);
  t.ok(entries < 2_000);
});

t.test('what the trunk made of a text is gone from memory in time, though nobody asks again', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const aged = await open('aged', tinyWeights(config));
  await aged.trunk(texts, { tenantId: 'ten_a' });
  mock.timers.tick(60_000);
  t.equal(aged.trunkCacheState().entries, texts.length);
  const { now } = performance;
  t.teardown(() => {
    performance.now = now;
  });
  performance.now = () => now.call(performance) + 10 * 60_000 + 1;
  // lru-cache looks at the clock once a millisecond.
  await setTimeout(5);
  mock.timers.tick(60_000);
  t.match(aged.trunkCacheState(), { entries: 0, bytes: 0 });
});
