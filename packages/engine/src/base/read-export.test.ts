import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeModel } from '@scion/graph';
import t, { type Test } from 'tap';
import { createEngine, readBase, registerBase } from '../index.js';
import { readSafetensors } from '../safetensors.js';
import { writeTinyBert } from '../testing/tiny-bert.js';
import { convertBase } from './convert.js';

const fixtures = fileURLToPath(new URL('../../../graph/fixtures/exports/', import.meta.url));

/** A folder with the tiny tokenizer, and a place for bases. */
async function setup(t: Test) {
  const root = await mkdtemp(join(tmpdir(), 'scion-export-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'tiny');
  await writeTinyBert(folder);
  return { root, folder };
}

async function featuresOf(t: Test, baseDir: string, texts: string[]): Promise<Float32Array> {
  const options = { threads: 1, cacheBytes: 1, loadAdapter: async () => undefined };
  const engine = await createEngine({ ...options, baseDir });
  t.teardown(() => engine.close());
  return engine.features(texts);
}

t.test('an exported file answers as the folder that it was exported from', async (t) => {
  const { root, folder } = await setup(t);
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  const { tensors } = readSafetensors(await readFile(join(folder, 'model.safetensors')));
  const layout = { featureLayers: [2], topLayers: 1 };
  const { whole } = await convertBase(config, (name) => tensors.get(name), layout);
  // With its weights in a file beside it, as large models have them.
  const { model, external } = writeModel(whole, {
    externalData: { location: 'model.onnx_data', minBytes: 64 },
  });
  const onnx = join(folder, 'model.onnx');
  await writeFile(onnx, model);
  await writeFile(join(folder, 'model.onnx_data'), Buffer.concat(external!.chunks));

  const plain = await registerBase({ folder, outDir: join(root, 'plain'), name: 'tiny' });
  const exported = await registerBase({ folder, onnx, outDir: join(root, 'exported'), name: 'tiny' });
  t.not(exported.sha256, plain.sha256, 'adapters of one are refused by the other');
  t.same(
    { ...exported, sha256: '', selfCheck: '', sites: '' },
    { ...plain, sha256: '', selfCheck: '', sites: '' },
  );
  t.strictSame(await readBase(join(root, 'exported')), exported);
  const texts = ['tea rain', 'sun', 'snow snow tea rain sun'];
  const [one, other] = [
    await featuresOf(t, join(root, 'plain'), texts),
    await featuresOf(t, join(root, 'exported'), texts),
  ];
  t.ok(Math.max(...one.map((value, at) => Math.abs(value - other[at]))) < 1e-6);

  const again = await registerBase({ folder, onnx, outDir: join(root, 'exported'), name: 'tiny' });
  t.strictSame(again, exported, 'registered again it is the same');
  await writeFile(join(folder, 'model.onnx_data'), Buffer.concat([...external!.chunks, Buffer.from('x')]));
  await t.rejects(
    registerBase({ folder, onnx, outDir: join(root, 'exported'), name: 'tiny' }),
    /holds another base/,
    'other bytes outside of the file are another base',
  );
});

for (const name of [
  'optimum-bert-opset14',
  'dynamo-bert-opset20',
  'optimum-modernbert-opset18',
  'gpt2-opset17',
]) {
  t.test(
    `${name}: registered, its halves answer as the file, its gradient is right, and it bears an int8 trunk`,
    async (t) => {
      const { root, folder } = await setup(t);
      const outDir = join(root, 'base');
      const base = await registerBase({
        ...{ folder, onnx: join(fixtures, `${name}.onnx`), outDir, name, maxTokens: 10 },
      });
      t.match(base, { layers: 2, hiddenSize: 16, featureLayers: [2], topLayers: 1, maxTokens: 10 });
      const { directions, worst, halves } = base.selfCheck!;
      t.ok(directions >= 8 && worst > 0 && worst <= 1);
      t.ok(halves!.error <= 1e-5, `${halves!.error}`);
      const features = await featuresOf(t, outDir, ['tea rain', 'sun']);
      t.ok(features.length === 32 && features.every(Number.isFinite));
      const int8 = await registerBase({
        ...{ folder, onnx: join(fixtures, `${name}.onnx`), outDir: join(root, 'int8'), name },
        ...{ maxTokens: 10, trunk: 'int8' },
      });
      t.ok(int8.selfCheck!.halves!.error <= 1e-5, 'the halves are compared before they are quantised');
      t.ok(int8.int8Trunk!.hiddenError.mean > 0 && int8.int8Trunk!.featureCosine.least < 1);
    },
  );
}

t.test('what cannot be served is refused with the file’s name, the reason and the remedy', async (t) => {
  const { root, folder } = await setup(t);
  const outDir = join(root, 'base');
  const register = (name: string, more = {}) =>
    registerBase({ folder, onnx: join(fixtures, `${name}.onnx`), outDir, name: 'x', ...more });
  await t.rejects(register('vit-opset14'), {
    name: 'BaseError',
    message: /vit-opset14\.onnx cannot be converted: .*no input_ids .* export the bare encoder/,
  });
  await t.rejects(register('bert-opset17', { maxTokens: 5_000 }), {
    name: 'BaseError',
    message: /bert-opset17\.onnx cannot be run on 5000 tokens: [\s\S]*; give fewer as maxTokens\.$/,
  });
  const damaged = join(root, 'damaged.onnx');
  await writeFile(damaged, 'not a model');
  await t.rejects(registerBase({ folder, onnx: damaged, outDir, name: 'x' }), { name: 'BaseError' });
  const bare = join(root, 'bare');
  await cp(folder, bare, { recursive: true });
  await rm(join(bare, 'tokenizer.json'));
  await copyFile(join(fixtures, 'bert-opset17.onnx'), join(bare, 'model.onnx'));
  await t.rejects(registerBase({ folder: bare, onnx: join(bare, 'model.onnx'), outDir, name: 'x' }), {
    name: 'BaseError',
    message: /tokenizer\.json cannot be read/,
  });
});
