import { readdirSync, readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import { cutPoints, importModel, type Model, readModel, splitModel, writeModel } from '../index.js';
import { elementCount } from '../tensor.js';
import { type Answer, maxError, runModel, type TestTensor } from '../testing/run-model.js';

/** What recording/exports.py, dynamo.py and dynamo-style.py wrote: a file as exported, inputs, and PyTorch's answers. */
interface Recorded {
  opset: number;
  inputs: Record<string, { type: 'int64' | 'float32'; dims: number[]; data: number[] | string }>;
  outputs: Record<string, { dims: number[]; data: number[] }>;
}

const folder = new URL('../../fixtures/exports/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.slice(0, -'.onnx'.length));

function load(name: string) {
  const recorded: Recorded = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  const bytes = readFileSync(new URL(`${name}.onnx`, folder));
  const feeds: Record<string, TestTensor> = {};
  for (const [input, { type, dims, data }] of Object.entries(recorded.inputs)) {
    // Images are not stored: sin(0.7 * index).
    const values =
      typeof data === 'string'
        ? Float32Array.from({ length: elementCount(dims) }, (_, index) => Math.sin(0.7 * index))
        : data;
    feeds[input] = { type, dims, data: values };
  }
  return { recorded, bytes, feeds };
}

const run = (model: Model, feeds: Record<string, TestTensor>) => {
  const wanted = Object.fromEntries(
    Object.entries(feeds).filter(([name]) => model.graph.inputs.some((input) => input.name === name)),
  );
  return runModel(ort, writeModel(model).model, wanted, { optimise: false });
};

/** The largest error, relative to the largest answer where that is above 1. */
function worstOf(answer: Answer, recorded: Recorded): number {
  return Math.max(
    ...Object.entries(recorded.outputs).map(
      ([name, { data }]) => maxError(answer[name]!.data, data) / Math.max(1, ...data.map(Math.abs)),
    ),
  );
}

const opsOf = (model: Model) => new Set(model.graph.nodes.map((node) => node.op));

t.test('the exports are there', async (t) => {
  t.ok(names.length >= 12, `${names.length} files`);
});

for (const name of names) {
  t.test(`${name}: the imported graph answers what PyTorch answers`, async (t) => {
    const { recorded, bytes, feeds } = load(name);
    const before = readModel(bytes);
    const model = importModel(bytes);
    t.equal(before.opset, recorded.opset);
    t.equal(model.opset, 20);
    const error = worstOf(await run(model, feeds), recorded);
    t.ok(error < 2e-5, `differs by at most ${error}`);
    const ops = opsOf(model);
    for (const gone of ['Constant', 'Identity', 'Dropout']) t.notOk(ops.has(gone), `no ${gone}`);
    if (/bert|vit|gpt2/.test(name)) {
      const count = (op: string) => model.graph.nodes.filter((node) => node.op === op).length;
      t.equal(count('LayerNormalization'), 5, 'every layer normalisation is whole');
      t.equal(count('Gelu'), 2, 'every GELU is whole');
      t.notOk(ops.has('Erf') || ops.has('ReduceMean') || ops.has('Tanh'), 'none of their parts is left');
    }
    t.comment(`${before.graph.nodes.length} nodes became ${model.graph.nodes.length}; error ${error}`);
  });

  t.test(`${name}: trunk and top together are the model, at every cut`, async (t) => {
    const { bytes, feeds } = load(name);
    const model = importModel(bytes);
    const whole = await run(model, feeds);
    const cuts = cutPoints(model);
    t.ok(cuts.length > 3, `${cuts.length} cuts`);
    for (const cut of cuts.length > 12 ? cuts.filter((_, index) => index % 5 === 0) : cuts) {
      const { trunk, top } = splitModel(model, cut);
      const lower = await run(trunk, feeds);
      const carried = {
        type: 'float32' as const,
        dims: lower[cut]!.dims,
        data: Float32Array.from(lower[cut]!.data),
      };
      const upper = await run(top, { ...feeds, [cut]: carried });
      for (const [output, { data }] of Object.entries(whole)) {
        t.equal(maxError(upper[output]!.data, data), 0, `${output} is the same, cut at ${cut}`);
      }
      const heavy = (part: Model) =>
        part.graph.nodes
          .filter(({ op }) => /MatMul|Gemm|Conv|Normalization/.test(op))
          .map((node) => node.name);
      const below = new Set(heavy(trunk));
      t.notOk(
        heavy(top).some((node) => below.has(node)),
        'no work is done twice',
      );
    }
  });
}
