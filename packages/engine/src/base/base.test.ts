import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createEngine, readBase, registerBase } from '../index.js';
import { tinyConfig, tinyWeights, writeTinyBert } from '../testing/tiny-bert.js';

/** A Hugging Face folder and a place for the base, gone after the test. */
async function setup(t: Test, options: Parameters<typeof writeTinyBert>[1] = {}) {
  const root = await mkdtemp(join(tmpdir(), 'scion-base-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'tiny');
  await writeTinyBert(folder, options);
  return { root, folder, outDir: join(root, 'bases', 'tiny') };
}

t.test('a registered base says what it is, and reads back the same', async (t) => {
  const { folder, outDir } = await setup(t);
  const base = await registerBase({ folder, outDir, name: 'tiny' });
  t.match(base, {
    name: 'tiny',
    sha256: /^[0-9a-f]{64}$/,
    hiddenSize: 8,
    layers: 2,
    featureLayers: [2],
    featureSize: 8,
    topLayers: 1,
    maxTokens: 12,
    selfCheck: { directions: 12, worst: Number },
  });
  t.strictSame(await readBase(outDir), base);
  t.strictSame((await readdir(outDir)).sort(), [
    'base.json',
    'tokenizer.json',
    'top.onnx',
    'training-5-classification-r8-projections.onnx',
    'training-5-classification-r8.json',
    'training-5-classification-r8.onnx',
    'training.onnx',
    'trunk.onnx',
    'weights.bin',
  ]);
});

t.test(
  'registering again writes nothing; two at once both succeed and leave nothing else behind',
  async (t) => {
    const { folder, outDir, root } = await setup(t);
    const [a, b] = await Promise.all([1, 2].map(() => registerBase({ folder, outDir, name: 'tiny' })));
    t.strictSame(a, b);
    const before = await stat(join(outDir, 'trunk.onnx'));
    t.strictSame(await registerBase({ folder, outDir, name: 'tiny' }), a);
    t.equal((await stat(join(outDir, 'trunk.onnx'))).mtimeMs, before.mtimeMs);
    t.strictSame(await readdir(join(root, 'bases')), ['tiny']);
  },
);

t.test('whatever changes the answers changes the hash', async (t) => {
  const { folder, root } = await setup(t);
  const register = (name: string, settings = {}) =>
    registerBase({ folder, outDir: join(root, name), name, ...settings });
  const plain = await register('a');
  t.equal((await register('renamed')).sha256, plain.sha256);
  t.not((await register('short', { maxTokens: 6 })).sha256, plain.sha256);
  const layered = await register('layers', { featureLayers: [0, 1, 2] });
  t.not(layered.sha256, plain.sha256);
  t.equal(layered.featureSize, 24);
  await writeTinyBert(folder, { config: { ...tinyConfig, layer_norm_eps: 1e-5 } });
  t.not((await register('config')).sha256, plain.sha256);
  const weights = tinyWeights();
  weights.get('embeddings.LayerNorm.bias')!.data.fill(1, 0, 1);
  await writeTinyBert(folder, { weights });
  t.not((await register('weights')).sha256, plain.sha256);
});

t.test('the length limit of a sentence encoder’s own file is taken over', async (t) => {
  const { folder, outDir } = await setup(t);
  await writeFile(join(folder, 'sentence_bert_config.json'), '{"max_seq_length": 7}');
  t.equal((await registerBase({ folder, outDir, name: 'tiny' })).maxTokens, 7);
});

t.test(
  'an int8 trunk is a base of its own, which says how far it is from float32, and is served',
  async (t) => {
    const { folder, root, outDir } = await setup(t);
    const float32 = await registerBase({ folder, outDir, name: 'tiny' });
    const int8Dir = join(root, 'int8');
    const int8 = await registerBase({ folder, outDir: int8Dir, name: 'tiny-int8', trunk: 'int8' });
    t.not(int8.sha256, float32.sha256, 'adapters of one are refused by the other');
    t.equal(float32.int8Trunk, undefined);
    const { featureCosine, hiddenError, allowed } = int8.int8Trunk!;
    t.ok(featureCosine.least >= allowed.featureCosine && featureCosine.least < 1);
    t.ok(hiddenError.largest <= allowed.hiddenError && hiddenError.mean > 0);
    t.strictSame(await readBase(int8Dir), int8);
    t.strictSame(await readdir(int8Dir), await readdir(outDir), 'nothing of the comparison is left');
    const options = { threads: 1, cacheBytes: 1, loadAdapter: async () => undefined };
    const engine = await createEngine({ ...options, baseDir: int8Dir });
    t.teardown(() => engine.close());
    const texts = ['tea rain', 'sun', 'snow snow tea rain sun'];
    const together = await engine.features(texts);
    const alone = await Promise.all(texts.map((text) => engine.features([text])));
    const worst = Math.max(
      ...alone.flatMap((features, row) =>
        Array.from(features, (value, at) => Math.abs(value - together[row * int8.featureSize + at])),
      ),
    );
    t.ok(worst < 1e-3, `a row is not quantised by what shares its run: off by ${worst}`);
  },
);

t.test('a base that an int8 trunk would spoil is refused one, and keeps its float32', async (t) => {
  const weights = tinyWeights();
  const floats = (name: string) => {
    const { data } = weights.get(name)!;
    return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  };
  // A weight that nothing ever passes through, so large that all others of its column round to nothing.
  floats('encoder.layer.0.attention.output.LayerNorm.weight')[0] = 0;
  const inner = floats('encoder.layer.0.intermediate.dense.weight');
  for (let row = 0; row < inner.length; row += tinyConfig.hidden_size) inner[row] = 1e4;
  const { folder, outDir } = await setup(t, { weights });
  await t.rejects(registerBase({ folder, outDir, name: 'tiny', trunk: 'int8' }), {
    name: 'BaseError',
    message:
      /^tiny does not bear an int8 trunk: features .* cosine 0\.\d+ \(at least 0\.985 .* by up to \d+\.\d % \(at most 20 %\)\. Register it with a float32 trunk\.$/,
  });
  await t.rejects(stat(outDir), { code: 'ENOENT' });
  await registerBase({ folder, outDir, name: 'tiny' });
});

const less = (name: string) => {
  const weights = tinyWeights();
  weights.delete(name);
  return weights;
};
const refusals: [
  string,
  RegExp,
  { config?: object; weights?: ReturnType<typeof tinyWeights> },
  ((folder: string) => Promise<unknown>)?,
][] = [
  ['no config.json', /config\.json cannot be read/, {}, (folder) => rm(join(folder, 'config.json'))],
  ['no tokenizer.json', /tokenizer\.json cannot be read/, {}, (folder) => rm(join(folder, 'tokenizer.json'))],
  ['no weights', /holds no model\.safetensors/, {}, (folder) => rm(join(folder, 'model.safetensors'))],
  [
    'sharded weights',
    /sharded weights are not read/,
    {},
    async (folder) => {
      await rename(join(folder, 'model.safetensors'), join(folder, 'model-1-of-2.safetensors'));
      await writeFile(join(folder, 'model-2-of-2.safetensors'), '');
    },
  ],
  [
    'a configuration that is not JSON',
    /config\.json is not a JSON object/,
    {},
    (folder) => writeFile(join(folder, 'config.json'), '['),
  ],
  [
    'damaged weights',
    /model\.safetensors in .* is damaged: bytes are left over/,
    {},
    (folder) => appendFile(join(folder, 'model.safetensors'), 'x'),
  ],
  [
    'another family',
    /model_type "gpt2" is not supported; bert is/,
    { config: { ...tinyConfig, model_type: 'gpt2' } },
  ],
  ['no layer count', /lacks num_hidden_layers/, { config: { ...tinyConfig, num_hidden_layers: undefined } }],
  [
    'an unknown activation',
    /cannot be converted: .*hidden_act/,
    { config: { ...tinyConfig, hidden_act: 'mish' } },
  ],
  [
    'a missing weight',
    /cannot be converted: .*encoder\.layer\.1\.output\.dense\.weight/,
    { weights: less('encoder.layer.1.output.dense.weight') },
  ],
];
for (const [what, message, options, damage] of refusals)
  t.test(`refused, naming it: ${what}`, async (t) => {
    const { folder, outDir } = await setup(t, options);
    await damage?.(folder);
    await t.rejects(registerBase({ folder, outDir, name: 'tiny' }), { name: 'BaseError', message });
    await t.rejects(stat(outDir), { code: 'ENOENT' });
  });

t.test('feature layers must ascend and end with the last', async (t) => {
  const { folder, outDir } = await setup(t);
  for (const featureLayers of [[], [1], [2, 1], [1, 3], [0.5, 2]])
    await t.rejects(registerBase({ folder, outDir, name: 'tiny', featureLayers }), {
      message: /featureLayers must ascend/,
    });
});

t.test('a folder that holds another base is left alone', async (t) => {
  const { folder, outDir } = await setup(t);
  const base = await registerBase({ folder, outDir, name: 'tiny' });
  await t.rejects(registerBase({ folder, outDir, name: 'tiny', maxTokens: 5 }), {
    message: /holds another base \(tiny\)/,
  });
  t.strictSame(await readBase(outDir), base);
});

const damages: [string, RegExp, (dir: string) => Promise<unknown>][] = [
  ['no base.json', /holds no registered base/, (dir) => rm(join(dir, 'base.json'))],
  [
    'a base.json of another form',
    /not of the form scion-base\/2/,
    (dir) => writeFile(join(dir, 'base.json'), '{"format":"scion-base/1"}'),
  ],
  [
    'a base of another version of the engine',
    /registered by another version of the engine \(scion-features\/1\)/,
    async (dir) => {
      const file = JSON.parse(await readFile(join(dir, 'base.json'), 'utf8'));
      await writeFile(join(dir, 'base.json'), JSON.stringify({ ...file, converter: 'scion-features/1' }));
    },
  ],
  ['missing weights', /weights\.bin is missing/, (dir) => rm(join(dir, 'weights.bin'))],
  ['weights cut short', /weights\.bin has another size/, (dir) => writeFile(join(dir, 'weights.bin'), 'x')],
  [
    'a changed tokenizer',
    /tokenizer\.json is not what was registered/,
    async (dir) => {
      const bytes = await readFile(join(dir, 'tokenizer.json'));
      bytes[bytes.length - 2] ^= 1;
      await writeFile(join(dir, 'tokenizer.json'), bytes);
    },
  ],
];
for (const [what, message, damage] of damages)
  t.test(`a damaged base is refused: ${what}`, async (t) => {
    const { folder, outDir } = await setup(t);
    await registerBase({ folder, outDir, name: 'tiny' });
    await damage(outDir);
    await t.rejects(readBase(outDir), { name: 'BaseError', message });
  });
