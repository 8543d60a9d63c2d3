// The command line against the real API over a real Redis; only the neural network is a stand-in.
import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../apps/api/dist/testing/test-api.js';
import { run } from '../apps/cli/dist/run.js';
import { writeTinyBert } from '../packages/engine/dist/testing/tiny-bert.js';

const folder = mkdtempSync(join(tmpdir(), 'scion-cli-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis: redis.connect() });
const url = await api.app.listen({ host: '127.0.0.1', port: 0 });

/** Runs one command line to its end. Nothing of this machine's own settings reaches it. */
async function scion(args, { key = api.operator, stdin = '', env = {}, signal, live = false } = {}) {
  const done = { out: '', err: '' };
  const into = (name) => ({
    write(part) {
      done[name] += part;
      return true;
    },
  });
  const code = await run(args, {
    ...{
      stdout: into('out'),
      stderr: { ...into('err'), isTTY: live },
      stdin: Readable.from([Buffer.from(stdin)]),
    },
    env: { SCION_URL: url, SCION_API_KEY: key, SCION_DATA: folder, ...env },
    signal: signal ?? new AbortController().signal,
  });
  return { ...done, code };
}
const json = async (args, options) => {
  const { out, err, code } = await scion([...args, '--json'], options);
  if (code !== 0) throw new Error(`exit ${code}: ${err}${out}`);
  return JSON.parse(out);
};

const tenant = await json(['tenant', 'create', 'Orchard']);

t.test('an operator makes a tenant, a key and a task, and each is listed', async (t) => {
  t.match(tenant, { id: /^ten_/, name: 'Orchard' });
  const { out, err } = await scion(['key', 'create', 'backend', '--scopes', 'admin,train,predict']);
  t.match(out, /^scion_\w+\n$/, 'the secret alone, so that a script can take it');
  t.match(err, /not shown again/);
  const secret = out.trim();
  t.match(await json(['key', 'list']), [{ name: 'backend' }]);
  const own = { key: secret };
  t.match(await json(['task', 'put', 'feed', '--labels', 'like,dislike'], own), {
    labels: ['like', 'dislike'],
  });
  t.match(await json(['task', 'put', 'spare', '--spec', '-'], { ...own, stdin: '{"untrained":"error"}' }), {
    name: 'spare',
  });
  t.match((await json(['task', 'list'], own)).map(({ name }) => name).sort(), ['feed', 'spare']);
  t.equal((await scion(['task', 'delete', 'spare', '--yes'], own)).code, 0);
  t.equal((await scion(['task', 'list'], own)).out.split('\n').length, 3, 'a title and a row');
});

t.test('a task keeps the settings that are not named; a specification replaces them all', async (t) => {
  const spec = {
    ...{ labels: ['like', 'dislike'], untrained: 'majority', maxExamplesPerUser: 50 },
    ...{ retrain: { schedule: '0 18 * * *', afterExamples: 9 }, training: { method: 'head' } },
  };
  await json(['task', 'put', 'kept', '--spec', '-'], { stdin: JSON.stringify(spec) });
  const put = (...args) => json(['task', 'put', 'kept', ...args]);
  const {
    createdAt: _,
    updatedAt: __,
    ...changed
  } = await put(...['--abstain-below', '0.5', '--retrain-after', '20']);
  t.match(changed, { ...spec, abstainBelow: 0.5, retrain: { ...spec.retrain, afterExamples: 20 } });
  t.match(await put('--untrained', 'majority'), changed);
  t.match(await json(['task', 'put', 'rated', '--kind', 'regression']), { kind: 'regression' });
  t.match(await json(['task', 'put', 'rated', '--retrain-after', '5']), { kind: 'regression' });
  const replaced = await json(['task', 'put', 'kept', '--spec', '-', '--untrained', 'error'], {
    stdin: '{"abstainBelow":0.25}',
  });
  t.match(replaced, { labels: null, untrained: 'error', abstainBelow: 0.25 });
  t.notOk(replaced.retrain ?? replaced.maxExamplesPerUser);
  for (const name of ['kept', 'rated']) await json(['task', 'delete', name, '--yes']);
});

t.test('of several tenants one is named, by id or by name', async (t) => {
  await json(['tenant', 'create', 'Meadow']);
  const lost = await scion(['task', 'list']);
  t.match(lost, { code: 2, err: /say which one\n.*Orchard.*Meadow|Meadow.*Orchard/ });
  t.equal((await json(['task', 'list', '--tenant', 'Orchard'])).length, 1);
  t.equal((await json(['task', 'list'], { env: { SCION_TENANT: tenant.id } })).length, 1);
  t.match(await scion(['task', 'list', '--tenant', 'Wood']), { code: 2, err: /no tenant is called "Wood"/ });
});

t.test('a tenant that a tenant’s own key cannot find is refused, never taken for its own', async (t) => {
  const { secret } = await json(['key', 'create', 'own', '--tenant', 'Orchard', '--scopes', 'admin']);
  const own = { key: secret };
  t.equal((await json(['task', 'list'], own)).length, 1);
  t.equal((await json(['task', 'list', '--tenant', tenant.id], own)).length, 1);
  const refused = { code: 4, err: /cannot look for one called "Meadow"\n.*leave out --tenant/ };
  t.match(await scion(['task', 'delete', 'feed', '--yes', '--tenant', 'Meadow'], own), refused);
  t.match(await scion(['task', 'list'], { ...own, env: { SCION_TENANT: 'Meadow' } }), refused);
  t.equal((await json(['task', 'list'], own)).length, 1);
});

const env = { SCION_TENANT: tenant.id };

t.test('a file is imported once, its bad rows are told by line, and it comes out again', async (t) => {
  const rows = ['user,title,verdict'];
  for (let at = 0; at < 30; at += 1) rows.push(`ada,"Roses, part ${at}",${at % 2 ? 'like' : 'dislike'}`);
  rows.push(
    'ada,Tulips,maybe',
    ',Tulips,like',
    '"ada","Two\nlines",like',
    'bob,Tulips,like',
    'bob,Asters,dislike',
  );
  const path = join(folder, 'clicks.csv');
  writeFileSync(path, rows.join('\n'));
  const columns = ['--input-column', 'title', '--label-column', 'verdict'];
  const command = [
    'examples',
    'import',
    path,
    '--task',
    'feed',
    ...columns,
    '--bad-rows',
    join(folder, 'bad'),
  ];
  const dry = await scion([...command, '--dry-run'], { env });
  t.match(dry, { code: 6, out: /34 good rows of 2 users, 1 bad one left out; nothing was sent/ });
  const first = await scion(command, { env });
  t.match(first, { code: 6, out: /33 new, 0 replaced, 0 known before, 2 bad ones left out/ });
  t.match(first.err, /line 33: user is no user; left out/);
  t.match(first.err, /line 32: .*label.*; left out/, 'what only the API can refuse has its line, too');
  t.match(
    readFileSync(join(folder, 'bad'), 'utf8')
      .trim()
      .split('\n')
      .map(JSON.parse)
      .map(({ line }) => line)
      .sort(),
    [32, 33],
  );
  t.match(
    (await scion(command, { env })).out,
    /0 new, 0 replaced, 33 known before/,
    'again it changes nothing',
  );
  const exported = await scion(['examples', 'export', 'feed', 'ada'], { env });
  t.equal(exported.out.trim().split('\n').length, 31);
  t.match(JSON.parse(exported.out.split('\n')[30]), { input: 'Two\nlines', label: 'like' });
  const back = await scion(
    [
      'examples',
      'import',
      '-',
      '--format',
      'ndjson',
      '--task',
      'feed',
      '--user',
      'carol',
      '--id-column',
      'id',
    ],
    {
      env,
      stdin: exported.out,
    },
  );
  t.match(back, { code: 0, out: /31 new/ });
});

t.test('long texts are imported in as many requests as they need', async (t) => {
  const rows = Array.from({ length: 500 }, (_, at) => ({
    input: `${at} `.padEnd(17_000, 'long '),
    label: at % 2 ? 'like' : 'dislike',
  }));
  const command = ['examples', 'import', '-', '--format', 'ndjson', '--task', 'feed', '--user', 'elias'];
  const imported = await scion(command, { env, stdin: rows.map((row) => JSON.stringify(row)).join('\n') });
  t.match(imported, { code: 0, out: /500 new/ });
});

t.test('a spreadsheet’s semicolons part columns as commas do', async (t) => {
  const command = ['examples', 'import', '-', '--format', 'csv', '--task', 'feed', '--dry-run'];
  const stdin = '\ufeffuser;input;label\r\ngina;"Roses; red, white";like\r\n';
  t.match(await scion(command, { env, stdin }), { code: 0, out: /1 good row of 1 user/ });
});

t.test('a file in another encoding is refused, never imported with its letters lost', async (t) => {
  const path = join(folder, 'latin1.csv');
  const command = ['examples', 'import', path, '--task', 'feed'];
  writeFileSync(path, 'user,input,label\nfritz,Grüße,like\n', 'latin1');
  const refused = { code: 2, err: /latin1\.csv is not UTF-8\n.*iconv/ };
  t.match(await scion(command, { env }), refused);
  t.match(await scion([...command, '--dry-run'], { env }), refused);
  t.match(await scion(['models', 'feed', 'fritz'], { env }), { code: 3 });
  const long = `user,input,label\n${'fritz,Roses,like\n'.repeat(9_000)}`;
  writeFileSync(path, `${long}fritz,Grüße,like\n`, 'latin1');
  t.match(await scion(command, { env }), { code: 6, err: /is not UTF-8, somewhere behind line [\d,]+\n/ });
});

t.test('an interrupted import goes on where it stopped', async (t) => {
  const path = join(folder, 'many.csv');
  const row = (at) => `dora,Text number ${at},${at % 2 ? 'like' : 'dislike'}`;
  writeFileSync(path, ['user,input,label', ...Array.from({ length: 6_000 }, (_, at) => row(at))].join('\n'));
  const command = ['examples', 'import', path, '--task', 'feed'];
  // The API dies after the first window of rows: its fifth request of this import is refused.
  let appends = 0;
  const { app } = api;
  const gate = createProxy(app, ({ method, url }) => {
    if (method !== 'POST' || !url.endsWith('/examples')) return true;
    appends += 1;
    return appends <= 8;
  });
  const through = await gate.listen();
  const broken = await scion(command, { env: { ...env, SCION_URL: through } });
  t.match(broken, { code: 5, err: /the same command goes on where this one stopped/ });
  await gate.close();
  const resumed = await scion(command, { env });
  t.match(resumed.err, /going on behind line 4,001, where the import before this one stopped/);
  t.match(resumed, { code: 0, out: /2,000 good rows of 1 user .* 2,000 new/ });
  t.equal((await json(['models', 'feed', 'dora'], { env })).examples, 6_000);
});

t.test('a user’s model is listed, asked and rolled back', async (t) => {
  const ref = { tenantId: tenant.id, task: 'feed', user: 'ada' };
  await api.publish(ref);
  await api.publish(ref);
  t.match(await json(['models', 'feed', 'ada'], { env }), {
    live: { version: 2 },
    versions: [{ version: 2 }, { version: 1 }],
  });
  t.match((await scion(['models', 'feed', 'ada'], { env })).out, /2 live/);
  const piped = await scion(['predict', 'feed', 'ada'], { env, stdin: 'one\n\ntwo\n' });
  t.match(piped.out, /^like\t0\.\d{4}\tone\nlike\t0\.\d{4}\ttwo\n$/, 'tab-separated in a pipe');
  t.match(piped.err, /^version 2, adapter \w{12}, base \w{12}\n$/);
  const lines = await scion(['predict', 'feed', 'ada', 'one', 'two', '--json'], { env });
  t.match(lines.out.trim().split('\n').map(JSON.parse), [
    { input: 'one', label: 'like', version: 2 },
    { input: 'two' },
  ]);
  t.match(await scion(['rollback', 'feed', 'ada'], { env }), { code: 0, out: 'version 1 is live\n' });
  t.match(await scion(['rollback', 'feed', 'ada', 'x'], { env }), {
    code: 2,
    err: /a version is a whole number/,
  });
});

t.test('a user moves as one file into another tenant, whole', async (t) => {
  const path = join(folder, 'ada.tar');
  const meadow = { env: { SCION_TENANT: 'Meadow' } };
  const out = await json(['export', '--user', 'ada', '--out', path], { env });
  t.same(out, { user: 'ada', file: path, bytes: statSync(path).size });
  t.equal(statSync(path).mode & 0o777, 0o600, 'for its owner alone');
  const { stdout } = spawnSync('tar', ['tf', path], { encoding: 'utf8' });
  t.match(stdout, /^archive\.json\n(feed\/.*\n)+manifest\.json\n$/, 'any tar opens it');

  t.match(await scion(['import', path], meadow), { code: 3, err: /scion task put creates one/ });
  await json(['task', 'put', 'feed', '--labels', 'like,dislike'], meadow);
  t.match(await scion(['import', path], meadow), {
    code: 0,
    out: 'imported ada\n  feed: 31 examples, 2 versions, 0 jobs; version 1 is live\n',
  });
  const rows = async (user, options) => (await scion(['examples', 'export', 'feed', user], options)).out;
  t.equal(await rows('ada', meadow), await rows('ada', { env }), 'every example, under its id');
  t.match(await json(['models', 'feed', 'ada'], meadow), {
    live: { version: 1 },
    versions: [{ version: 2 }, { version: 1 }],
  });

  t.match(await scion(['import', path], meadow), { code: 3, err: /known already[\s\S]*--user <id>/ });
  t.match(await json(['import', path, '--user', 'ada-2'], meadow), {
    user: 'ada-2',
    tasks: [{ task: 'feed', examples: 31, versions: 2, live: 1, jobs: 0 }],
  });
  t.equal(await rows('ada-2', meadow), await rows('ada', { env }));
});

t.test('who watches a training is told what its loss is, and only what was measured', async (t) => {
  const job = { id: 'job_1', task: 'rated', user: 'ada', version: 1 };
  const events = [
    { type: 'metric', series: 'lora final', step: 10, loss: 0.5 },
    { type: 'metric', series: 'lora held out', step: 20, validationLoss: 0.5486 },
    { type: 'state', state: 'succeeded' },
  ];
  const gate = { promoted: true, reason: 'better', candidate: { r2: 0.8 }, majority: { r2: 0 } };
  const answers = {
    '/v1/tasks/rated': { kind: 'regression' },
    '/v1/jobs': { ...job, state: 'queued' },
    '/v1/jobs/job_1': { ...job, state: 'succeeded' },
    '/v1/tasks/rated/users/ada/versions/1': { version: 1, card: { gate }, adapterBytes: 1 },
  };
  const service = createServer((request, response) => {
    if (request.url !== '/v1/jobs/job_1/events') return response.end(JSON.stringify(answers[request.url]));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [at, event] of events.entries())
      response.write(`id: ${at + 1}\ndata: ${JSON.stringify({ seq: at + 1, ...event })}\n\n`);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  t.teardown(() => service.close());
  const watch = (options) =>
    scion(['train', 'rated', 'ada', '--watch'], {
      env: { ...env, SCION_URL: `http://127.0.0.1:${service.address().port}` },
      ...options,
    });
  const piped = await watch();
  t.match(
    piped.out,
    'lora final  step 10  loss 0.5000\nlora held out  step 20  validation 0.5486\nsucceeded',
  );
  t.match(piped.out, /R² 0\.80 on rows .* \(always the mean: R² 0\.00\)/);
  const { err } = await watch({ live: true });
  t.match(err, /validation 0\.549/);
  t.match(err, /half the squared error.* by step/);
  t.notMatch(err, /nats/);
});

t.test('an export never leaves half a file, nor replaces one unasked', async (t) => {
  const inside = mkdtempSync(join(folder, 'exports-'));
  const path = join(inside, 'ada.tar');
  const command = ['export', '--user', 'ada', '--out', path];
  writeFileSync(path, 'mine');
  t.match(await scion(command, { env }), { code: 2, err: /is there already\n.*--force/ });
  const cutting = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-tar' });
    response.write('archive.json', () => response.destroy());
  });
  await new Promise((done) => cutting.listen(0, '127.0.0.1', done));
  const broken = { env: { ...env, SCION_URL: `http://127.0.0.1:${cutting.address().port}` } };
  t.match(await scion([...command, '--force'], broken), {
    code: 5,
    err: /broke before the archive was whole/,
  });
  await new Promise((done) => cutting.close(done));
  t.equal(readFileSync(path, 'utf8'), 'mine');
  t.match(await scion([...command, '--force'], { env }), { code: 0, out: /^wrote .*ada\.tar, \d/ });
  t.match(readFileSync(path, 'latin1'), /^archive\.json\0/);
  t.same(readdirSync(inside), ['ada.tar']);
});

t.test('erasing asks first, and hands over the receipt', async (t) => {
  t.match(await scion(['erase', 'ada'], { env }), {
    code: 2,
    err: /Nobody can be asked here.*\n {2}add --yes/,
  });
  const path = join(folder, 'receipt.json');
  const command = ['erase', 'ada', '--yes', '--receipt'];
  writeFileSync(path, 'mine');
  t.match(await scion([...command, path], { env }), { code: 2, err: /is there already\n.*--receipt/ });
  t.match(await scion([...command, join(folder, 'no', 'x')], { env }), {
    code: 2,
    err: /\/no does not exist/,
  });
  t.equal(
    (await scion(['models', 'feed', 'ada'], { env })).code,
    0,
    'what cannot keep the receipt erases nothing',
  );
  rmSync(path);
  const erased = await scion(['erase', 'ada', '--yes', '--receipt', path], { env });
  t.match(erased, { code: 0, out: /^erased \d+ objects .*\nreceipt ers_\w+, signed, is in/ });
  t.match(JSON.parse(readFileSync(path, 'utf8')), { jws: String, receipt: { user: 'ada' } });
  t.match(await scion(['models', 'feed', 'ada'], { env }), { code: 3 });
  t.equal(statSync(path).mode & 0o777, 0o600, 'for its owner alone');
});

t.test('an erasure is sent once, and leaves no receipt where it failed', async (t) => {
  let calls = 0;
  const cutting = createServer((_request, response) => {
    calls += 1;
    response.destroy();
  });
  await new Promise((done) => cutting.listen(0, '127.0.0.1', done));
  t.teardown(() => cutting.close());
  const path = join(folder, 'none.json');
  const broken = { env: { ...env, SCION_URL: `http://127.0.0.1:${cutting.address().port}` } };
  t.match(await scion(['erase', 'bob', '--yes', '--receipt', path], broken), {
    code: 5,
    err: /may have ended all the same: GET \/v1\/erasures/,
  });
  t.equal(calls, 1, 'again it would find no user, and the receipt would be lost');
  t.notOk(existsSync(path));
});

t.test('an erasure and an import are waited for longer than Node’s own fetch waits', async (t) => {
  const archive = join(folder, 'irma.tar');
  await json(['examples', 'import', '-', '--format', 'ndjson', '--task', 'feed', '--user', 'irma'], {
    env,
    stdin: '{"input":"Roses","label":"like"}',
  });
  await json(['export', '--user', 'irma', '--out', archive], { env });
  // Instead of five minutes it waits a second here.
  const dispatcher = Symbol.for('undici.globalDispatcher.1');
  const usual = globalThis[dispatcher];
  globalThis[dispatcher] = new usual.constructor({ headersTimeout: 1_000 });
  t.teardown(() => {
    globalThis[dispatcher] = usual;
  });
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.closeAllConnections());
  t.teardown(() => silent.close());
  const slow = createProxy(api.app, async ({ method, url }) => {
    // As long as another call, begun later, waits for its answer.
    if (method === 'DELETE' || url.includes('/users/import'))
      await t.rejects(fetch(`http://127.0.0.1:${silent.address().port}`), {
        cause: { name: /Headers?Timeout/ },
      });
    return true;
  });
  t.teardown(() => slow.close());
  const through = { env: { ...env, SCION_URL: await slow.listen() } };
  t.match(await scion(['erase', 'irma', '--yes'], through), { code: 0, out: /^erased/ });
  t.match(await scion(['import', archive], through), { code: 0, out: /^imported irma/ });
});

t.test('an interrupted erasure is waited for, and one left behind stands in nobody’s way', async (t) => {
  await json(['examples', 'import', '-', '--format', 'ndjson', '--task', 'feed', '--user', 'hanna'], {
    env,
    stdin: '{"input":"Roses","label":"like"}',
  });
  const inside = mkdtempSync(join(folder, 'receipts-'));
  const path = join(inside, 'hanna.json');
  const command = ['erase', 'hanna', '--yes', '--receipt', path];
  const asked = new EventEmitter();
  let erasures = 0;
  const holding = createProxy(api.app, async ({ method }) => {
    if (method !== 'DELETE') return true;
    erasures += 1;
    const isSecond = erasures === 2;
    asked.emit('erasure');
    await once(asked, 'go');
    return isSecond;
  });
  t.teardown(() => holding.close());
  const through = { ...env, SCION_URL: await holding.listen() };

  const bin = fileURLToPath(new URL('../apps/cli/bin/scion.mjs', import.meta.url));
  const child = spawn(process.execPath, [bin, ...command], {
    env: { ...process.env, ...through, SCION_API_KEY: api.operator },
  });
  const closed = once(child, 'close');
  await once(asked, 'erasure');
  child.kill('SIGINT');
  t.match(String((await once(child.stderr, 'data'))[0]), /goes on in the service.*\/v1\/erasures/);
  child.kill('SIGINT');
  t.same(await closed, [null, 'SIGINT']);
  t.notOk(existsSync(path));

  const controller = new AbortController();
  const second = scion(command, { env: through, signal: controller.signal });
  await once(asked, 'erasure');
  controller.abort();
  asked.emit('go');
  t.match(await second, { code: 0, out: /receipt ers_/, err: /goes on in the service/ });
  t.match(JSON.parse(readFileSync(path, 'utf8')), { receipt: { user: 'hanna' } });
  t.notOk(readdirSync(inside).includes(`hanna.json.${process.pid}.part`));
});

t.test('a receipt that cannot be written is printed, as the user is erased by then', async (t) => {
  const bin = fileURLToPath(new URL('../apps/cli/bin/scion.mjs', import.meta.url));
  const path = join(folder, 'full.json');
  // No file of this process may grow: as on a full disk, it can be made and not be written.
  const limited = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, bin];
  const options = { env: { ...process.env, ...env, SCION_URL: url, SCION_API_KEY: api.operator } };
  const child = spawn('sh', [...limited, 'erase', 'carol', '--yes', '--receipt', path], options);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  t.equal(code, 6);
  t.match(out, /^erased \d+ objects? .*\nreceipt: [\w-]+\.[\w-]+\.[\w-]+\n$/);
  t.match(err, /full\.json could not be written .*keep the receipt/);
  t.notOk(existsSync(path));
});

t.test(
  'an ONNX file or the folder of an export becomes a base, once it is said what that takes',
  async (t) => {
    const source = join(folder, 'exported');
    await writeTinyBert(source);
    const fixture = new URL(
      '../packages/graph/fixtures/exports/optimum-modernbert-opset18.onnx',
      import.meta.url,
    );
    const file = join(source, 'model.onnx');
    copyFileSync(fixture, file);
    rmSync(join(source, 'model.safetensors'));
    rmSync(join(source, 'config.json'));
    const dry = await scion(['base', 'add', file, '--dry-run']);
    t.match(dry, {
      code: 0,
      err: /model\.onnx: ONNX, \d+ kB of weights\nwill cut it in two in .*\d s, check its/,
    });
    const added = await scion(['base', 'add', source, '--max-tokens', '8', '--json']);
    // Random weights tell no paraphrase from a stranger, and that is said by the exit code.
    t.ok([0, 6].includes(added.code), `exit code ${added.code}: ${added.err}`);
    t.match(JSON.parse(added.out), {
      ...{ name: 'exported', layers: 2, maxTokens: 8 },
      sites: [{ target: 'query_key_value' }],
      selfCheck: { halves: { allowed: 0.001 } },
    });
    t.match(await scion(['base', 'check', 'exported']), {
      out: /adapters +in the last 1\n.*gradient +right in 8 directions, .* as the file/s,
    });
    const deep = await scion(['base', 'add', source, '--name', 'deep', '--top-layers', '2', '--json']);
    t.match(JSON.parse(deep.out), { topLayers: 2, sites: [{ layer: 0 }, { layer: 1 }] });
    t.match(await scion(['base', 'add', source, '--name', 'deeper', '--top-layers', '3']), {
      code: 2,
      err: /topLayers must be an integer of 1 to 2/,
    });
    t.match(await scion(['base', 'list']), { code: 0, out: /exported .* whole/ });
    rmSync(join(source, 'tokenizer.json'));
    t.match(await scion(['base', 'add', file]), {
      code: 2,
      err: /no tokenizer\.json stands beside or above/,
    });
  },
);

t.test('every mistake is a line with a remedy and an exit code of its own, never a stack', async (t) => {
  const notes = join(folder, 'notes.txt');
  writeFileSync(notes, 'no archive');
  const huge = join(folder, 'huge.tar');
  writeFileSync(huge, '');
  truncateSync(huge, 128 * 1024 * 1024 + 1);
  const mistakes = [
    [['trian'], { code: 2, err: /no command trian\n {2}did you mean scion train\?/ }],
    [['task', 'putt'], { code: 2, err: /did you mean scion task put\?/ }],
    [['task', 'put', 'Feed!'], { code: 3, err: /path\/task/ }],
    [['train', 'nope', 'ada'], { code: 3, err: /task_not_found, request req_/ }],
    [['train', 'feed', 'nobody'], { code: 3, err: /too_few_examples/ }],
    [['predict', 'feed', 'bob', 'x'], { code: 3, err: /scion train <task> <user> trains it/ }],
    [['examples', 'import', 'absent.csv', '--task', 'feed'], { code: 2, err: /absent\.csv does not exist/ }],
    [['examples', 'import', 'absent', '--task', 'feed'], { code: 2, err: /--format/ }],
    [['export', '--user', 'nobody', '--out', join(folder, 'nobody.tar')], { code: 3, err: /user_not_found/ }],
    [['export', '--user', 'bob', '--out', folder], { code: 2, err: /is a folder\n.*--out/ }],
    [
      ['export', '--user', 'bob', '--out', join(folder, 'no', 'x.tar')],
      { code: 2, err: /no does not exist/ },
    ],
    [['up', '--data', notes], { code: 2, err: /notes\.txt is a file, not a folder/ }],
    [['export'], { code: 2, err: /--user/ }],
    [['import', 'absent.tar'], { code: 2, err: /absent\.tar does not exist/ }],
    [['import', folder], { code: 2, err: /is a folder/ }],
    [['import', notes], { code: 3, err: /archive_invalid/ }],
    [['import', huge], { code: 2, err: /at most 134 MB/ }],
    [['task', 'list', '--key', 'scion_wrong'], { code: 4, err: /A valid API key/ }],
    [['task', 'list', '--url', 'http://127.0.0.1:1'], { code: 5, err: /is it running\?/ }],
    [['task', 'list', '--url', 'ftp://x'], { code: 2, err: /not an http/ }],
    [['base', 'check', 'absent'], { code: 2, err: /holds no registered base/ }],
    [['base', 'add', './absent'], { code: 2, err: /there is no folder/ }],
  ];
  await Promise.all(
    mistakes.map(async ([args, expected]) => {
      const ended = await scion(args, { env });
      t.match(ended, expected, args.join(' '));
      t.notMatch(ended.err, /^\s+at /m, `${args.join(' ')}: no stack`);
      t.equal(ended.out, '', 'nothing on standard output');
    }),
  );
  const { err } = await scion(['train', 'nope', 'ada', '--json'], { env });
  t.match(JSON.parse(err), { error: { code: 'task_not_found', exitCode: 3, hint: String } });
});

t.test('help is there for every word of it', async (t) => {
  t.match(await scion(['--help']), { code: 0, out: /Commands[\s\S]*Exit codes/ });
  t.match(await scion([]), { code: 2, out: /Commands/ });
  t.match(await scion(['base']), { code: 2, out: /base check/ });
  t.match(await scion(['help', 'train']), { code: 0, out: /--watch/ });
  t.match(await scion(['train', '-h']), { code: 0, out: /Examples/ });
  const bin = fileURLToPath(new URL('../apps/cli/bin/scion.mjs', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' });
  t.match({ stdout, status }, { stdout: /^\d+\.\d+\.\d+\n$/, status: 0 }, 'as a process');
  const { status: wrong } = spawnSync(process.execPath, [bin, 'trian']);
  t.equal(wrong, 2);
  t.match(await scion(['completions', 'bash']), { code: 0, out: /complete .* scion/ });
});

t.test('doctor finds what is wrong, and says the remedy', async (t) => {
  const lonely = await scion(['doctor', '--redis', redis.path, '--json']);
  t.equal(lonely.code, 6);
  const { findings } = JSON.parse(lonely.out);
  const of = (name) => findings.find((finding) => finding.name === name);
  t.match(of('service'), { state: 'bad', found: /is ready.* 0 workers/, remedy: /start a worker/ });
  t.match(of('Redis'), { state: 'warning', remedy: /appendonly/ });
  t.match(of('clock'), { state: 'good' });
  const ill = await scion([
    'doctor',
    '--redis',
    '/nowhere.sock',
    '--data',
    folder,
    '--url',
    'http://127.0.0.1:1',
  ]);
  t.match(ill, {
    code: 6,
    out: /✗ Redis.*does not answer[\s\S]*→ start it[\s\S]*✗ service[\s\S]*2 to put right/,
  });
});

t.test('a name is found among any number of tenants', async (t) => {
  for (let at = 0; at < 1_001; at += 1) {
    // Ids sort by time.
    api.time.now += 1;
    await api.registry.tenants.create({ name: `Tenant ${at}` });
  }
  for (const name of ['Orchard', 'Tenant 0', 'Tenant 1000'])
    t.equal((await scion(['task', 'list', '--tenant', name])).code, 0, name);
});

/** Passes on to the API what it admits, and cuts other connections. */
function createProxy(app, admits) {
  const server = createServer(async (request, response) => {
    if (!(await admits(request))) {
      response.destroy();
      return;
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { statusCode, headers, rawPayload } = await app.inject({
      method: request.method,
      url: request.url,
      headers: request.headers,
      ...(chunks.length > 0 && { payload: Buffer.concat(chunks) }),
    });
    response.writeHead(statusCode, headers).end(rawPayload);
  });
  return {
    listen: () =>
      new Promise((done) =>
        server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)),
      ),
    close: () => new Promise((done) => server.close(done)),
  };
}
