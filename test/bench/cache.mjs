// The adapter cache under the traffic of many users: what a budget buys, what a swap-in costs, what a user occupies.
//
//   node test/bench/cache.mjs [--users 20000] [--requests 3000]
//
// Users have low-rank matrices of rank 8 on query and value of the top two layers and a head of two labels, cloned with
// noise, a file each in a folder. They are asked by Zipf's law (exponent 1), with budgets that hold a twentieth, a quarter
// and all of the adapters. Hits are counted over ten look-ups a user of the cache by itself, after as many to warm it up and one of everybody.
// Requests then ask one short text, 32 at a time, through the engine, whose cache holds the most popular users at the start.
// A swap-in is a load without inference, of the first 1,000 users: cold from the store, a folder or a local S3 server; warm
// from the disk tier in front of it. Left out: a store over a network, whose round trip comes on top of a cold swap-in, and
// traffic that lasts until the engine's own cache has forgotten how it was filled. Prints a table and writes
// test/bench/out/cache.json.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createAdapterCache, createEngine, decodeAdapter } from '@scion/engine';
import { createFileStore, createS3Store } from '@scion/store';
import { startS3 } from '@scion/testkit';
import { cloneAdapter, median, quantile, randomFrom, temporaryBase, textOf } from './clones.mjs';
import { createReport } from './report.mjs';

const { values: flags } = parseArgs({
  options: {
    users: { type: 'string', default: '20000' },
    requests: { type: 'string', default: '3000' },
  },
});
const [userCount, requestCount] = [Number(flags.users), Number(flags.requests)];
const report = createReport('cache');
const { folder, baseDir, base } = await temporaryBase();
const threads = Math.min(2, availableParallelism());
const tenantId = 'ten_01aryz6s41tsv4rrffq69g5fav';
const keyIn = ({ user, version }) => `adapters/${user}/${version}`;

const madeAt = performance.now();
const files = await createFileStore({ root: join(folder, 'objects') });
const keys = [];
let bytes = 0;
for (let user = 0; user < userCount; ) {
  const writes = [];
  for (; writes.length < 64 && user < userCount; user += 1) {
    const clone = cloneAdapter(base, { tenantId, task: 'bench', user: `user-${user}` }, { seed: user });
    keys.push(clone.key);
    bytes = clone.bytes.byteLength;
    writes.push(files.put(keyIn(clone.key), clone.bytes));
  }
  await Promise.all(writes);
}
const loadFrom = (store) => async (key) => (await store.get(keyIn(key)))?.body;
report.add('users made and written in', (performance.now() - madeAt) / 1_000, 's');
const first = await loadFrom(files)(keys[0]);
const perUser = decodeAdapter(first, { base, owner: keys[0] }).bytes;
report.add('artifact', bytes, 'bytes');
report.add('resident user, as budgeted', perUser, 'bytes', '≤ 60,000');

/** Users by Zipf's law with exponent 1, the same ones each time. */
function* zipf(seed) {
  const random = randomFrom(seed);
  const upTo = new Float64Array(userCount);
  let total = 0;
  for (let rank = 0; rank < userCount; rank += 1) {
    total += 1 / (rank + 1);
    upTo[rank] = total;
  }
  for (;;) {
    const at = random() * total;
    let [low, high] = [0, userCount - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] < at) low = middle + 1;
      else high = middle;
    }
    yield keys[low];
  }
}

const open = (options) => createEngine({ baseDir, threads, cacheBytes: perUser * userCount, ...options });
const many = async (count, width, act) => {
  let next = 0;
  const work = async () => {
    while (next < count) {
      next += 1;
      await act();
    }
  };
  await Promise.all(Array.from({ length: width }, work));
};
/** The share of look-ups that a cache of this size answers, in percent, however long a load takes. */
async function hitsOf(budgetBytes) {
  const cache = createAdapterCache({ budgetBytes, load: async () => ({ bytes: perUser }) });
  const traffic = zipf(3);
  const lookUp = async (count) => {
    for (let done = 0; done < count; done += 1) (await cache.acquire(traffic.next().value)).release();
    return cache.state();
  };
  for (const key of keys.toReversed()) (await cache.acquire(key)).release();
  const then = await lookUp(10 * userCount);
  const { hits, misses } = await lookUp(10 * userCount);
  return (100 * (hits - then.hits)) / (hits - then.hits + misses - then.misses);
}

const start = process.memoryUsage().rss;
for (const share of [0.05, 0.25, 1]) {
  const budget = Math.ceil(perUser * userCount * share);
  const engine = await open({ cacheBytes: budget, loadAdapter: loadFrom(files) });
  const text = textOf(10, 1);
  // What inference takes for itself it takes now: its buffers grow with the largest batch, and stay.
  let turn = 0;
  await many(requestCount / 3, 32, async () => {
    turn += 1;
    await engine.predict(keys[turn % 32], [text]);
  });
  const before = process.memoryUsage().rss - engine.cacheState().bytes;
  // The most popular last, so that they are the last to be evicted.
  await engine.prefetch(keys.slice(0, Math.floor(userCount * share)).reverse());
  const traffic = zipf(2);
  const then = engine.cacheState();
  const times = [];
  const startedAt = performance.now();
  await many(requestCount, 32, async () => {
    const askedAt = performance.now();
    await engine.predict(traffic.next().value, [text]);
    times.push(performance.now() - askedAt);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const now = engine.cacheState();
  const hits = now.hits - then.hits;
  const name = `budget ${share * 100} %`;
  report.add(`${name}: hits of the cache by itself`, await hitsOf(budget), '%');
  report.add(`${name}: hits of the requests`, (100 * hits) / (hits + now.misses - then.misses), '%');
  report.add(`${name}: requests`, times.length / seconds, '/s');
  report.add(`${name}: p50`, median(times), 'ms');
  report.add(`${name}: p99`, quantile(times, 0.99), 'ms');
  if (now.bytes > budget) throw new Error(`${now.bytes} bytes are resident, ${budget} are allowed`);
  const grown = process.memoryUsage().rss - before;
  report.add(`${name}: resident`, now.bytes / 1e6, 'MB', `≤ ${(budget / 1e6).toFixed(1)}`);
  report.add(`${name}: growth of the process`, grown / 1e6, 'MB');
  if (share === 1)
    report.add('growth of the process per resident user', grown / now.entries, 'bytes', '≤ 60,000');
  await engine.close();
}
report.add('process at the end, above its start', (process.memoryUsage().rss - start) / 1e6, 'MB');

const s3 = await startS3();
const bucket = await createS3Store({
  ...{ bucket: s3.bucket, endpoint: s3.endpoint, region: s3.region, credentials: s3.credentials },
});
const swapped = keys.slice(0, Math.min(1_000, userCount));
for (const key of swapped) await bucket.put(keyIn(key), (await files.get(keyIn(key))).body);
for (const [driver, store] of Object.entries({ file: files, S3: bucket })) {
  const disk = { folder: join(folder, `tier-${driver}`), budgetBytes: 1 << 30 };
  const engine = await open({ loadAdapter: loadFrom(store), diskTier: disk });
  const time = async () => {
    const times = [];
    for (const key of swapped) {
      const startedAt = performance.now();
      await engine.prefetch([key]);
      times.push(performance.now() - startedAt);
    }
    return times;
  };
  const cold = await time();
  const resident = await time();
  // Out of memory, still on the disk: evicting a model forgets both, so a second engine's worth of cache is swept instead.
  const small = await open({
    cacheBytes: 4 * perUser,
    loadAdapter: loadFrom(store),
    diskTier: { ...disk, folder: `${disk.folder}-small` },
  });
  for (const key of swapped) await small.prefetch([key]);
  const warm = [];
  for (const key of swapped) {
    const startedAt = performance.now();
    await small.prefetch([key]);
    warm.push(performance.now() - startedAt);
  }
  for (const [state, times] of Object.entries({
    'cold, from the store': cold,
    'warm, from the disk tier': warm,
    resident,
  })) {
    report.add(`swap-in, ${driver}, ${state}: p50`, median(times), 'ms');
    report.add(`swap-in, ${driver}, ${state}: p99`, quantile(times, 0.99), 'ms');
  }
  await engine.close();
  await small.close();
}
await bucket.close();
await s3.close();
await files.close();
report.add('all of it took', performance.now() / 1_000, 's');
report.write();
