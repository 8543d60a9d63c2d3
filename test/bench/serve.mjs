// Inference with everybody's adapters against the bare base, and HTTP against the engine by itself.
//
//   node test/bench/serve.mjs [--quick]
//
// First one run on one thread, as the engine's threads do it, of 1, 8 and 32 rows of 16, 32 and 64 tokens: the bare base,
// one user (rank 8), and a user a row of different ranks (none, 4, 8, 16) and label counts (2 to 10). The kinds take turns
// in each round, and a ratio is the median over rounds of one to the other within the round. Then, taking turns of four
// seconds likewise, the engine with 64 callers of different users, and the API with 64 connections of different users, one
// text of some 30 tokens a request; client and server share the processors. Prints a table and writes test/bench/out/serve.json.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createIds } from '@scion/contracts';
import { createEngine, decodeAdapter } from '@scion/engine';
import { createRegistry } from '@scion/registry';
import { createFileStore } from '@scion/store';
import { startRedis } from '@scion/testkit';
import autocannon from 'autocannon';
import { Redis } from 'ioredis';
import { runRows } from '../../packages/engine/dist/thread/run-rows.js';
import { openSession } from '../../packages/engine/dist/thread/session.js';
import { cloneAdapter, median, quantile, temporaryBase, textOf } from './clones.mjs';
import { createReport } from './report.mjs';

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const rounds = flags.quick ? 8 : 30;
const turns = flags.quick ? 7 : 21;
const turnSeconds = 4;
const threads = Math.min(2, availableParallelism());
const report = createReport('serve');
const { folder, baseDir, base } = await temporaryBase();
const owner = (user) => ({ tenantId: 'ten_01aryz6s41tsv4rrffq69g5fav', task: 'bench', user: `user-${user}` });

// ── One run ──────────────────────────────────────────────────────────────────────────────────────────────────────────
const session = await openSession({
  trunkPath: join(baseDir, 'trunk.onnx'),
  topPath: join(baseDir, 'top.onnx'),
  hiddenSize: base.hiddenSize,
  sites: base.sites,
});
const resident = (user, shape) => {
  const { bytes } = cloneAdapter(base, owner(user), { seed: user, ...shape });
  return decodeAdapter(bytes, { base, owner: owner(user) });
};
const one = resident(0, { rank: 8 });
const many = Array.from({ length: 32 }, (_, user) =>
  resident(user, { rank: [8, 4, 16, 0][user % 4], labels: 2 + (user % 9) }),
);
for (const rows of [1, 8, 32])
  for (const tokens of [16, 32, 64]) {
    const setup = { maxTokensPerRun: 1 << 20, hiddenSize: base.hiddenSize, featureSize: base.featureSize };
    const runner = { session, setup, tokenize: () => Array.from({ length: tokens }, (_, i) => 2_000 + i) };
    const batch = (row) => Array.from({ length: rows }, (_, at) => ({ input: 'x', ...row(at) }));
    const kinds = {
      base: batch(() => ({ answer: 'features' })),
      one: batch(() => ({ lora: one.lora, answer: [one.head] })),
      mixed: batch((at) => ({ lora: many[at].lora, answer: [many[at].head] })),
    };
    const times = { base: [], one: [], mixed: [] };
    for (let round = -2; round < rounds; round += 1)
      for (const [kind, batchRows] of Object.entries(kinds)) {
        const startedAt = performance.now();
        await runRows(runner, batchRows);
        if (round >= 0) times[kind].push(performance.now() - startedAt);
      }
    const ratio = (kind) => median(times[kind].map((ms, round) => ms / times.base[round]));
    const name = `${rows} × ${tokens} tokens`;
    report.add(`${name}: bare base, p50`, median(times.base), 'ms');
    report.add(`${name}: bare base, p99`, quantile(times.base, 0.99), 'ms');
    report.add(`${name}: one user`, ratio('one'), '× base');
    report.add(`${name}: ${rows} users`, ratio('mixed'), '× base', rows === 32 ? '≤ 1.10' : undefined);
  }
await session.close();

// ── The engine by itself, and through HTTP ───────────────────────────────────────────────────────────────────────────
const CALLERS = 64;
const users = Array.from({ length: CALLERS }, (_, user) =>
  cloneAdapter(base, owner(user), { seed: user, rank: [8, 4, 16, 0][user % 4], labels: 2 + (user % 9) }),
);
const texts = Array.from({ length: 4_096 }, (_, i) => textOf(30, i));
const files = new Map(users.map(({ key, bytes }) => [key.user, bytes]));
const engine = await createEngine({
  ...{ baseDir, threads, cacheBytes: 1 << 26 },
  loadAdapter: async ({ user }) => files.get(user),
});
/** Closed loop: each caller asks again as soon as it is answered. */
async function load(ms) {
  const times = [];
  const end = performance.now() + ms;
  await Promise.all(
    users.map(async ({ key }, caller) => {
      for (let i = 0; performance.now() < end; i += 1) {
        const startedAt = performance.now();
        await engine.predict(key, [texts[(caller * 61 + i) % texts.length]]);
        times.push(performance.now() - startedAt);
      }
    }),
  );
  return times;
}
const redisServer = await startRedis();
const redis = new Redis({ path: redisServer.path });
const store = await createFileStore({ root: join(folder, 'objects') });
const clock = Date.now;
const registry = await createRegistry({ store, redis, clock, newId: createIds(clock) });
await registry.ensureIndexed();
const tenant = await registry.tenants.create({ name: 'bench' });
const { secret } = await registry.keys.create(tenant.id, { name: 'bench', scopes: ['predict'] });
await registry.tasks.put(tenant.id, 'bench', {}, { base: base.name });
const newId = createIds(clock);
for (let user = 0; user < CALLERS; user += 1) {
  const ref = { ...owner(user), tenantId: tenant.id };
  const jobId = newId('job');
  const rank = [8, 4, 16, 0][user % 4];
  const encode = (version) => {
    const shape = { seed: user, rank, labels: 2 + (user % 9), version };
    const { bytes, key, card } = cloneAdapter(base, ref, { ...shape, jobId });
    return { adapter: bytes, adapterSha256: key.adapterSha256, card };
  };
  await registry.models.publish(ref, jobId, encode, rank > 0 ? 'lora' : 'head');
  await registry.models.promote(ref, 1, jobId);
}
const api = spawn(
  process.execPath,
  [fileURLToPath(new URL('../../apps/api/dist/main.js', import.meta.url))],
  {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: {
      ...process.env,
      ...{ REDIS_URL: redisServer.path, SCION_DATA: folder, SCION_BASE: baseDir, SCION_PORT: '0' },
      ...{ SCION_THREADS: String(threads), SCION_TRUNK_CACHE_MB: '0', NODE_ENV: 'production' },
      SCION_PREDICT_ROWS_PER_MINUTE: '1000000000',
    },
  },
);
try {
  let log = '';
  let listening = () => {};
  const url = new Promise((done) => {
    listening = done;
  });
  api.stdout.setEncoding('utf8').on('data', (part) => {
    // Only the beginning matters; the rest is drained.
    if (log.length > 20_000) return;
    log += part;
    const found = /"url":"([^"]+)"/.exec(log);
    if (found) listening(found[1]);
  });
  const request = (user, i) => ({
    method: 'POST',
    path: `/v1/tasks/bench/users/user-${user}/predict`,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [texts[(user * 61 + i) % texts.length]] }),
  });
  // A connection is a user, with texts of its own, few enough that building them takes nobody's time.
  let connected = 0;
  const options = {
    ...{ url: await url, connections: CALLERS, requests: [request(0, 0)] },
    setupClient(connection) {
      const user = connected % CALLERS;
      connected += 1;
      connection.setRequests(Array.from({ length: 16 }, (_, i) => request(user, i)));
    },
  };
  const scrape = async () => (await fetch(`${await url}/metrics`)).text();
  await load(1_500);
  await autocannon({ ...options, duration: 3 });
  const engineTimes = [];
  const perTurn = { engine: [], http: [], ratio: [], p50: [], p99: [], client: [], lag: [] };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (let turn = 0; turn < turns; turn += 1) {
    const startedAt = performance.now();
    delay.enable();
    const times = await load(turnSeconds * 1_000);
    delay.disable();
    const alone = (1_000 * times.length) / (performance.now() - startedAt);
    engineTimes.push(...times);
    // Each look begins the sample of the event loop anew: what follows is of this load alone.
    await scrape();
    const before = process.cpuUsage();
    const { requests, latency, duration, non2xx, errors } = await autocannon({
      ...options,
      duration: turnSeconds,
    });
    const { user, system } = process.cpuUsage(before);
    const lag = /^nodejs_eventloop_lag_p99_seconds(?:\{.*\})? (\S+)/m.exec(await scrape())[1];
    if (non2xx || errors) throw new Error(`${non2xx} answers not 2xx, ${errors} errors`);
    perTurn.engine.push(alone);
    perTurn.http.push(requests.average);
    perTurn.ratio.push(requests.average / alone);
    perTurn.p50.push(latency.p50);
    perTurn.p99.push(latency.p99);
    perTurn.client.push((user + system) / 1e6 / duration / availableParallelism());
    // prom-client looks every 10 ms, and its histogram holds the time between two looks.
    perTurn.lag.push(Math.max(0, Number(lag) * 1_000 - 10));
  }
  report.add(`engine, ${CALLERS} callers, ${threads} threads`, median(perTurn.engine), 'rows/s');
  report.add('engine: p50', median(engineTimes), 'ms');
  report.add('engine: p99', quantile(engineTimes, 0.99), 'ms');
  // The histogram holds the time between two looks, of which one millisecond is meant.
  report.add('engine: event-loop delay, p99', Math.max(0, delay.percentile(99) / 1e6 - 1), 'ms', '≤ 20');
  report.add(`HTTP, ${CALLERS} connections`, median(perTurn.http), 'requests/s');
  report.add('HTTP: the client’s share of the processors', median(perTurn.client), '');
  report.add('HTTP: p50', median(perTurn.p50), 'ms');
  report.add('HTTP: p99', median(perTurn.p99), 'ms');
  report.add('HTTP of the engine’s own throughput', median(perTurn.ratio), '', '≥ 0.85');
  report.add('… in the worst turn', Math.min(...perTurn.ratio), '');
  report.add('… in the best turn', Math.max(...perTurn.ratio), '');
  report.add('HTTP: event-loop delay of the API, p99', median(perTurn.lag), 'ms', '≤ 20');
  report.add('… in the worst turn', Math.max(...perTurn.lag), 'ms');
} finally {
  api.kill('SIGTERM');
  await new Promise((done) => api.once('exit', done));
  await engine.close();
  await registry.close();
  redis.disconnect();
  await redisServer.close();
}
report.write();
