import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import { buildEncoder, splitModel, writeModel } from '../index.js';
import { readSafetensors } from '../testing/read-safetensors.js';
import { maxError, runModel } from '../testing/run-model.js';
import { relativeBucket } from './mpnet.js';

interface Recorded {
  config: Record<string, unknown>;
  ids: number[][];
  mask: number[][];
  pooled: number[];
  tokens: number[];
}

function fixture(name: string) {
  const path = (extension: string) =>
    new URL(`../../fixtures/encoders/${name}.${extension}`, import.meta.url);
  const recorded: Recorded = JSON.parse(readFileSync(path('json'), 'utf8'));
  return { recorded, weights: readSafetensors(readFileSync(path('safetensors'))) };
}

for (const name of ['bert', 'roberta', 'distilbert', 'mpnet']) {
  t.test(`${name} with random weights answers what PyTorch answers, padding included`, async (t) => {
    const { recorded, weights } = fixture(name);
    const { config, ids, mask } = recorded;
    const built = buildEncoder({
      config,
      weights,
      outputs: { lastHiddenState: true, pooledLayers: [0, 1, 2] },
    });
    const dims = [ids.length, ids[0]!.length];
    const feeds = {
      input_ids: { type: 'int64' as const, dims, data: ids.flat() },
      attention_mask: { type: 'int64' as const, dims, data: mask.flat() },
    };
    const { pooled, last_hidden_state: last } = await runModel(ort, writeModel(built.model).model, feeds);
    const pooledError = maxError(pooled!.data, recorded.pooled);
    t.ok(pooledError < 5e-6, `the pooled layers differ by at most ${pooledError}`);
    const { hidden } = built.sizes;
    const tokens = mask.flatMap((row, index) =>
      [0, row.lastIndexOf(1)].flatMap((place) => {
        const start = (index * dims[1]! + place) * hidden;
        return [...last!.data.subarray(start, start + hidden)];
      }),
    );
    const tokenError = maxError(tokens, recorded.tokens);
    t.ok(tokenError < 5e-6, `single tokens differ by at most ${tokenError}`);

    const single = buildEncoder({ config, weights, outputs: { lastHiddenState: true } });
    const { cut, trunk, top } = splitModel(single.model, single.hiddenStates[1]!);
    t.strictSame(
      top.graph.inputs.map(({ name }) => name),
      [cut, 'attention_mask'],
    );
    const lower = (await runModel(ort, writeModel(trunk).model, feeds))[cut]!;
    const upper = await runModel(ort, writeModel(top).model, {
      attention_mask: feeds.attention_mask,
      [cut]: { type: 'float32', dims: lower.dims, data: [...lower.data] },
    });
    t.ok(
      maxError(upper.last_hidden_state!.data, last!.data) < 1e-6,
      'cut above the first block it is the same',
    );
  });
}

t.test('positions that no token can have are not counted as room for tokens', async (t) => {
  const tokensOf = (name: string) => {
    const { recorded, weights } = fixture(name);
    return buildEncoder({ config: recorded.config, weights, outputs: { lastHiddenState: true } }).sizes
      .maxTokens;
  };
  t.equal(tokensOf('bert'), 16);
  t.equal(tokensOf('roberta'), 16);
  t.equal(tokensOf('mpnet'), 200);
});

t.test(
  'relative buckets: one a distance when near, both directions apart, one for all that is far',
  async (t) => {
    t.strictSame(
      [0, -1, -7, -8, -11, -12, -16, -127, -128, -500].map((distance) => relativeBucket(distance, 32)),
      [0, 1, 7, 8, 8, 9, 10, 15, 15, 15],
    );
    t.strictSame(
      [1, 7, 8, 500].map((distance) => relativeBucket(distance, 32)),
      [17, 23, 24, 31],
    );
  },
);

t.test('a family that is not built is refused by its name', async (t) => {
  const build = (model_type: unknown) =>
    buildEncoder({ config: { model_type }, weights: () => undefined, outputs: { lastHiddenState: true } });
  t.throws(() => build('deberta-v2'), {
    code: 'bad_config',
    message: /"deberta-v2" is not built here \(bert, /,
  });
  t.throws(() => build('toString'), { code: 'bad_config' });
  t.throws(() => build(undefined), { code: 'bad_config' });
});
