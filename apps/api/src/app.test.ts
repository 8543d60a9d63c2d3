import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Writable } from 'node:stream';
import { AppError, errorForLog } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import { pino } from 'pino';
import t from 'tap';
import { problemOf, startTestApi } from './testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

const lines: Record<string, unknown>[] = [];
const logger = pino(
  { level: 'debug', serializers: { err: errorForLog } },
  new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  }),
);
const api = await startTestApi(t, { redis, logger });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', { labels: ['like', 'hide'] }, { base: 'test-base' });

t.test('a request id is taken over where it is plain, and made where it is not', async (t) => {
  const idOf = async (given?: string) => {
    const headers = given === undefined ? {} : { 'x-request-id': given };
    const response = await api.call('GET', '/nowhere', { headers });
    const id = response.headers['x-request-id'];
    t.equal(problemOf(response).requestId, id, 'the header and the document agree');
    return id;
  };
  t.equal(await idOf('trace-1.2_3'), 'trace-1.2_3');
  for (const odd of [undefined, '', 'a b', 'x'.repeat(129), 'a\u00e9', '{}']) {
    t.match(await idOf(odd), /^req_[0-9a-z]{26}$/, JSON.stringify(odd));
  }
});

t.test('a path that does not exist is 404, a method that does not is 405 and tells which do', async (t) => {
  t.match(problemOf(await api.call('GET', '/v2/jobs')), { status: 404, code: 'route_not_found' });
  const response = await api.call('DELETE', '/v1/jobs');
  t.match(problemOf(response), { status: 405, code: 'method_not_allowed' });
  t.same(String(response.headers.allow).split(', ').sort(), ['GET', 'HEAD', 'POST']);
});

t.test('an unexpected error is a bare 500, and its cause is in the log only', async (t) => {
  const { get } = api.registry.tasks;
  api.registry.tasks.get = async () => {
    throw new Error('the disk is on fire');
  };
  t.teardown(() => {
    api.registry.tasks.get = get;
  });
  lines.length = 0;
  const response = await api.call('GET', '/v1/tasks/inbox', { key: tenant.all });
  const problem = problemOf(response);
  t.match(problem, { status: 500, code: 'internal' });
  t.notMatch(response.body, /disk|stack/);
  const failures = lines.filter(({ level }) => Number(level) >= 50);
  t.equal(failures.length, 1, 'logged once');
  t.match(failures[0], { requestId: problem.requestId, msg: 'request failed', err: { message: /on fire/ } });
});

t.test(
  'what the store refuses is 503, and its cause is in the log without the user it was about',
  async (t) => {
    const { get } = api.registry.tasks;
    const cause = Object.assign(new Error("ENOSPC: no space left on device, open '/data/users/ada/x'"), {
      ...{ code: 'ENOSPC', syscall: 'open', path: '/data/users/ada/x' },
    });
    api.registry.tasks.get = async () => {
      throw new AppError('not_ready', 'The disk of the object folder is full: free space on it', { cause });
    };
    t.teardown(() => {
      api.registry.tasks.get = get;
    });
    lines.length = 0;
    const problem = problemOf(await api.call('GET', '/v1/tasks/inbox', { key: tenant.all }));
    t.match(problem, { status: 503, code: 'not_ready' });
    t.match(
      lines.filter(({ level }) => Number(level) >= 50),
      [{ requestId: problem.requestId, code: 'not_ready', err: { code: 'ENOSPC' } }],
    );
    t.notMatch(JSON.stringify(lines), 'ada');
  },
);

t.test('a caller’s mistake is no error in the log', async (t) => {
  lines.length = 0;
  await api.call('POST', '/v1/jobs', { key: tenant.all, payload: {} });
  t.same(
    lines.filter(({ level }) => Number(level) >= 40),
    [],
  );
  t.match(lines.at(-1), { route: '/v1/jobs', status: 400, tenantId: tenant.id, msg: 'request answered' });
});

t.test('the log never holds a key, an input, a label, a user or a body', async (t) => {
  lines.length = 0;
  const secrets = ['sesame-input', 'sesame-label', 'sesame-user', tenant.all];
  const examples = [{ id: '1', input: 'sesame-input', label: 'sesame-label' }];
  const base = '/v1/tasks/inbox/users/sesame-user';
  await api.call('POST', `${base}/examples`, { key: tenant.all, payload: { examples } });
  await api.call('POST', `${base}/examples?x=sesame-input`, { key: tenant.all, payload: '{"sesame-input' });
  await api.call('POST', `${base}/predict`, { key: tenant.all, payload: { inputs: ['sesame-input'] } });
  await api.call('GET', `${base}/nowhere`, { key: tenant.all });
  t.ok(lines.length >= 4);
  for (const secret of secrets) t.notMatch(JSON.stringify(lines), secret);
});

t.test('a body that is no UTF-8 or no JSON is told so without being quoted', async (t) => {
  const headers = { 'content-type': 'application/json' };
  const post = (payload: string | Buffer) =>
    api.call('POST', '/v1/jobs', { key: tenant.all, headers, payload });
  for (const payload of [
    'sesame',
    '{"task":"sesame"',
    '{"task":"sesame",}',
    Buffer.from([0x22, 0xff, 0x22]),
  ]) {
    const response = await post(payload);
    t.match(problemOf(response), { status: 400, code: 'malformed_json' });
    t.notMatch(response.body, 'sesame');
  }
  const polluted = await post('{"task":"inbox","user":"a","__proto__":{"admin":true}}');
  t.match(problemOf(polluted), { status: 400, errors: [{ path: '/__proto__' }] });
});

t.test('no error of the API can be framed, sniffed or run', async (t) => {
  const { headers } = await api.call('GET', '/nowhere');
  const policy = String(headers['content-security-policy']);
  t.match(policy, /default-src 'none'/);
  t.match(policy, /frame-ancestors 'none'/);
  t.notMatch(policy, /unsafe/);
  t.equal(headers['x-content-type-options'], 'nosniff');
  t.equal(headers['cache-control'], 'no-store');
});

t.test('"." and ".." as a user are refused with a reason, however they are written', async (t) => {
  const origin = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
  // Clients that follow the URL standard resolve these away, so they are sent by hand.
  const raw = (path: string) =>
    new Promise<{ status?: number; body: string }>((done, fail) => {
      const headers = { authorization: `Bearer ${tenant.all}` };
      const sent = request({ host: origin.hostname, port: origin.port, path, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          body += part;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, body }));
      });
      sent.on('error', fail);
      sent.end();
    });
  for (const user of ['.', '..', '%2e', '%2e%2E']) {
    const { status, body } = await raw(`/v1/tasks/inbox/users/${user}/model`);
    t.equal(status, 400, user);
    t.match(JSON.parse(body), {
      code: 'invalid_request',
      errors: [{ path: 'path/user', message: /neither "\." nor "\.\."/ }],
    });
  }
  t.equal((await raw('/v1/tasks/inbox/users/%2e%2e%2e/examples')).status, 200, 'three dots are a name');
});

t.test('a client that goes away before its answer is no error in the log', async (t) => {
  await api.publish({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  const { predict } = api.engine;
  t.teardown(() => {
    api.engine.predict = predict;
  });
  const { port } = api.app.server.address() as AddressInfo;
  lines.length = 0;
  const leave = new AbortController();
  // As the real one does: it rejects with the signal's reason.
  api.engine.predict = (_adapter, _texts, call) =>
    new Promise((_resolve, reject) => {
      call!.signal!.addEventListener('abort', () => reject(call!.signal!.reason));
      leave.abort();
    });
  const left = fetch(`http://127.0.0.1:${port}/v1/tasks/inbox/users/ada/predict`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.all}`, 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: ['x'] }),
    signal: leave.signal,
  });
  await t.rejects(left, { name: 'AbortError' });
  while (lines.length === 0) await new Promise((turn) => setImmediate(turn));
  t.strictSame(
    lines.filter(({ level }) => Number(level) > 20),
    [],
  );
});

t.test('closing answers what is under way, and does not wait for its connection', async (t) => {
  await api.publish({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  const { predict } = api.engine;
  let answer: () => void = () => {};
  const reached = new Promise<void>((done) => {
    api.engine.predict = async (...asked) => {
      done();
      await new Promise<void>((go) => {
        answer = go;
      });
      return predict(...asked);
    };
  });
  const { port } = api.app.server.address() as AddressInfo;
  const response = fetch(`http://127.0.0.1:${port}/v1/tasks/inbox/users/ada/predict`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.all}`, 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: ['x'] }),
  });
  await reached;
  const closed = api.app.close();
  while (api.app.server.listening) await new Promise((turn) => setImmediate(turn));
  answer();
  const { status, headers } = await response;
  t.equal(status, 200);
  t.equal(headers.get('connection'), 'close');
  await closed;
});

t.test('a client that stalls while it reads holds closing up no longer than the grace', async (t) => {
  const stalled = await startTestApi(t, { redis, settings: { closeGraceMs: 0 } });
  const owner = await stalled.createTenant();
  await stalled.registry.tasks.put(owner.id, 'inbox', {}, { base: 'test-base' });
  // More than the buffers of a connection take.
  const long = 'x'.repeat(8_000);
  await stalled.registry.examples.append(
    { tenantId: owner.id, task: 'inbox', user: 'ada' },
    Array.from({ length: 4_000 }, (_, at) => ({ id: `${at}`, input: `${at} ${long}`, label: 'like' })),
  );
  await stalled.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = stalled.app.server.address() as AddressInfo;
  const reading = connect(port, '127.0.0.1');
  const began = new Promise<void>((done) => {
    reading.once('data', () => {
      reading.pause();
      done();
    });
  });
  reading.write(
    `GET /v1/tasks/inbox/users/ada/examples/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${owner.all}\r\n\r\n`,
  );
  await began;
  await stalled.app.close();
  reading.destroy();
  t.notOk(stalled.app.server.listening);
});
