import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileStore } from '@scion/store';
import t from 'tap';
import { Personalizer } from './index.js';

const folder = await mkdtemp(join(tmpdir(), 'scion-local-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

const garden = ['Pruning roses', 'Slugs in the lettuce', 'Compost on a balcony', 'Bulbs before the frost'];
const code = ['A compiler pass lands', 'The outage explained', 'Queues and brokers', 'A kernel scheduler'];
const X = [
  ...garden,
  ...code,
  ...garden.map((text) => `${text}, again`),
  ...code.map((text) => `${text}, again`),
];
const like = X.map((text) => (garden.some((one) => text.startsWith(one)) ? 'like' : 'dislike'));
const unseen = ['Tomatoes that split after rain', 'A faster garbage collector'];

t.test('a model is trained and asked in five lines, without a server', async (t) => {
  const model = new Personalizer({ task: 'feed', user: 'ada', folder });
  const history = await model.fit(X, like);
  t.match(history, { version: 1, method: 'head', gate: { candidate: { accuracy: Number } } });
  t.strictSame(await model.predict(unseen), ['like', 'dislike']);
  await model.close();
});

t.test('another process finds what was learnt, adds to it, and users stay apart', async (t) => {
  const ada = new Personalizer({ task: 'feed', user: 'ada', folder, threads: 1 });
  const bob = new Personalizer({ task: 'feed', user: '../bob', folder, threads: 1 });
  t.teardown(() => Promise.all([ada.close(), bob.close()]));
  t.strictSame(await ada.predict(unseen), ['like', 'dislike'], 'from the folder');
  await t.rejects(bob.predict(unseen), { code: 'model_not_trained' });
  await bob.fit(
    X,
    like.map((label) => (label === 'like' ? 'dislike' : 'like')),
  );
  t.strictSame(await bob.predict(unseen), ['dislike', 'like'], 'opposite tastes over one base');
  t.match(await ada.partialFit(['Hedgehogs in the garden'], ['like']), { version: 2 });
  t.strictSame(await ada.predict(unseen), ['like', 'dislike']);
  const [proba] = await ada.predictProba(['Pruning roses']);
  t.ok(Math.abs(proba!.like! + proba!.dislike! - 1) < 1e-5);
  const { mean, scores } = await ada.crossValidate(X, like, { folds: 4 });
  t.equal(scores.length, 4);
  t.ok(mean > 0.7, `mean accuracy ${mean}`);
  t.ok((await ada.score(X, like)) > 0.9);
});

t.test('fits of one user at once take turns: no row is lost, and no number given twice', async (t) => {
  const one = new Personalizer({ task: 'turns', user: 'ada', folder, threads: 1 });
  const other = new Personalizer({ task: 'turns', user: 'ada', folder, threads: 2 });
  t.teardown(() => Promise.all([one.close(), other.close()]));
  const histories = await Promise.all([
    one.partialFit(X.slice(0, 8), like.slice(0, 8)),
    other.partialFit(X.slice(8), like.slice(8)),
  ]);
  const rows = Object.fromEntries(histories.map(({ version, gate }) => [version, gate?.candidate.rows]));
  t.strictSame(rows, { 1: 8, 2: 16 }, 'the second learnt from what the first was given, too');
});

t.test('a fit fails where another process trained the model meanwhile, and replaces nothing', async (t) => {
  const ada = new Personalizer({ task: 'meanwhile', user: 'ada', folder, threads: 1 });
  t.teardown(() => ada.close());
  const y = like.map((label) => (label === 'like' ? 'dislike' : 'like'));
  const other = `import(${JSON.stringify(new URL('./index.js', import.meta.url))}).then(async ({ Personalizer }) => {
    const [folder, X, y] = JSON.parse(process.argv[1]);
    const ada = new Personalizer({ task: 'meanwhile', user: 'ada', folder, threads: 1 });
    await ada.fit(X, y);
    await ada.close();
  })`;
  let once = () => {
    once = () => {};
    execFileSync(process.execPath, ['-e', other, JSON.stringify([folder, X, y])], { stdio: 'inherit' });
  };
  const fit = ada.fit(X, like, { callbacks: [{ onProgress: () => once() }] });
  await t.rejects(fit, { code: 'model_changed', detail: /Version 1 .* Fit again/ });
  t.strictSame(await ada.predict(unseen), ['dislike', 'like'], 'as the other process taught it');
  t.match(await ada.fit(X, like), { version: 2 });
  t.strictSame(await ada.predict(unseen), ['like', 'dislike']);
});

t.test('what a process that died left behind stops no fit', async (t) => {
  const store = await createFileStore({ root: folder });
  await store.put('models/t-died/u-ada/adapter-1.safetensors', new Uint8Array(8));
  const ada = new Personalizer({ task: 'died', user: 'ada', folder, threads: 1 });
  t.teardown(() => ada.close());
  t.match(await ada.fit(X, like), { version: 2 });
  t.strictSame(await ada.predict(unseen), ['like', 'dislike']);
});

t.test('with gate, a version that beats the majority but not the live one stays out of use', async (t) => {
  const ada = new Personalizer({ task: 'gate', user: 'ada', gate: true, method: 'head', folder, threads: 1 });
  t.teardown(() => ada.close());
  t.match(await ada.fit(X, like), { version: 1, gate: { promoted: true, live: null } });
  const later = [
    ...['Sowing peas in March', 'When to water tomatoes', 'A hedge for the birds', 'Moss on the lawn'],
    ...['Moving a peony', 'Wild flowers along the path'],
    ...['Debugging a memory leak', 'Types in a dynamic language', 'A database index that lies'],
    ...['Packets lost in the network', 'Linking faster', 'The cache and its invalidation'],
  ];
  const labels = later.map((_, at) => (at < 6 ? 'like' : 'dislike'));
  const worse = await ada.fit(later, labels);
  t.match(worse, { version: 1, gate: { promoted: false, live: { version: 1, live: { rows: 12 } } } });
  t.match(worse.gate?.reason, /beats the majority class.*does not beat that version/);
  const changed = [...labels, ...like].map((label) => (label === 'like' ? 'dislike' : 'like'));
  const better = await ada.fit([...later, ...X], changed);
  t.match(better, { version: 3, gate: { promoted: true, live: { version: 1 } } });
});

t.test('numbers and sets of labels are learnt likewise', async (t) => {
  const rating = new Personalizer({ task: 'rating', user: 'ada', kind: 'regression', folder, threads: 1 });
  const topics = new Personalizer({ task: 'topics', user: 'ada', kind: 'multilabel', folder, threads: 1 });
  t.teardown(() => Promise.all([rating.close(), topics.close()]));
  await rating.fit(
    X,
    like.map((label) => (label === 'like' ? 5 : 1)),
  );
  const [high, low] = (await rating.predict(unseen)) as number[];
  t.ok(high! > low!);
  await topics.fit(
    X,
    like.map((label) => (label === 'like' ? ['garden', 'home'] : ['code'])),
  );
  t.strictSame(await topics.predict(['Pruning old roses']), [['garden', 'home']]);
});

t.test('whoever closes leaves the engine to those who have just asked for it', async (t) => {
  const ada = new Personalizer({ task: 'feed', user: 'ada', folder, threads: 1 });
  const again = new Personalizer({ task: 'feed', user: 'ada', folder, threads: 1 });
  t.teardown(() => again.close());
  await ada.predict(unseen);
  const closed = ada.close();
  t.strictSame(await again.predict(unseen), ['like', 'dislike']);
  await closed;
  t.strictSame(await again.predict(unseen), ['like', 'dislike']);
});

t.test('a base that is not there is said, and found once it is there', async (t) => {
  const base = join(folder, 'later');
  const model = new Personalizer({ task: 'feed', user: 'ada', folder, base, threads: 1 });
  const asked = t.rejects(model.predict(unseen), { name: 'BaseError' });
  await model.close();
  await asked;
  await t.rejects(model.fit(X, like), { name: 'BaseError', message: /holds no registered base/ });
  await cp(join(folder, 'bases/all-MiniLM-L6-v2'), base, { recursive: true });
  t.strictSame(await model.predict(unseen), ['like', 'dislike']);
  await model.close();
});
