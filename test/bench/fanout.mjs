// One text scored by the models of 1, 10, 100 and 1,000 users at once, against asking one by one.
//
//   node test/bench/fanout.mjs [--quick]
//
// Users with low-rank matrices (rank 8), users with heads alone, and both; a text of some 30 tokens, a new one each time, so
// that nothing comes from the trunk cache. Prints a table and writes test/bench/out/fanout.json.
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createEngine } from '@scion/engine';
import { cloneAdapter, median, quantile, temporaryBase, textOf } from './clones.mjs';
import { createReport } from './report.mjs';

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const rounds = flags.quick ? 3 : 10;
const report = createReport('fanout');
const { baseDir, base } = await temporaryBase();
const threads = Math.min(2, availableParallelism());
const files = new Map();
const engine = await createEngine({
  ...{ baseDir, threads, cacheBytes: 1 << 28, trunkCacheBytes: 1 << 24 },
  loadAdapter: async ({ user }) => files.get(user),
});
const tenantId = 'ten_01aryz6s41tsv4rrffq69g5fav';
const kinds = { 'rank 8': () => 8, 'heads alone': () => 0, 'half of each': (user) => (user % 2 ? 8 : 0) };
let texts = 0;
const fresh = () => {
  texts += 1;
  return textOf(30, texts);
};
for (const [kind, rank] of Object.entries(kinds)) {
  const keys = Array.from({ length: 1_000 }, (_, user) => {
    const owner = { tenantId, task: 'bench', user: `${kind}-${user}` };
    const { bytes, key } = cloneAdapter(base, owner, { seed: user, rank: rank(user) });
    files.set(owner.user, bytes);
    return key;
  });
  await engine.predictEach(keys, [fresh()]);
  for (const count of [1, 10, 100, 1_000]) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const together = [];
    for (let round = 0; round < rounds; round += 1) {
      const text = fresh();
      delay.enable();
      const startedAt = performance.now();
      const answers = await engine.predictEach(keys.slice(0, count), [text]);
      together.push(performance.now() - startedAt);
      delay.disable();
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
    }
    report.add(`1 text × ${count} users, ${kind}: p50`, median(together), 'ms');
    report.add(`1 text × ${count} users, ${kind}: per user`, median(together) / count, 'ms');
    if (count === 1_000)
      report.add(
        `1 text × ${count} users, ${kind}: event-loop delay, most`,
        Math.max(0, delay.max / 1e6 - 1),
        'ms',
      );
  }
  const apart = [];
  for (let round = 0; round < Math.min(3, rounds); round += 1) {
    const text = fresh();
    const startedAt = performance.now();
    for (const key of keys.slice(0, 100)) await engine.predict(key, [`${text} ${key.user}`]);
    apart.push(performance.now() - startedAt);
  }
  report.add(`1 text × 100 users one by one, ${kind}: p50`, quantile(apart, 0.5), 'ms');
  for (const { user } of keys) engine.evict({ tenantId, task: 'bench', user });
}
await engine.close();
report.write();
