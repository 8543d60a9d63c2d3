import { inspect } from 'node:util';
import t from 'tap';
import { type Client, isScionError, type ScionError } from './index.js';
import { json, problem, startServer } from './testing/server.js';

const page = { data: [], nextCursor: null };

async function failure(promise: Promise<unknown>): Promise<ScionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isScionError(error)) throw new Error(`expected a ScionError, got ${String(error)}`);
  return error;
}

t.test('every call carries the key, and the tenant where one is set', async (t) => {
  const server = await startServer((response) => json(response, 200, page));
  t.teardown(server.close);
  await server.client().tenants.list();
  await server.client().withTenant('ten_a').tasks.list();
  t.equal(server.seen[0]?.headers.authorization, 'Bearer scion_test');
  t.equal(server.seen[0]?.headers['scion-tenant'], undefined);
  t.equal(server.seen[1]?.headers['scion-tenant'], 'ten_a');
});

t.test('a user id of any UTF-8 arrives as it was', async (t) => {
  const server = await startServer((response) => json(response, 200, {}));
  t.teardown(server.close);
  const user = 'ada/../é?#%2e@例.com';
  await server.client().models.get('inbox', user);
  t.equal(decodeURIComponent(server.seen[0]!.url.split('/')[5]!), user);
  t.match(server.seen[0]?.url, /^\/v1\/tasks\/inbox\/users\/[^/]+\/model$/);
});

t.test('a path segment that no URL can carry is refused before anything is sent', async (t) => {
  const server = await startServer((response) => json(response, 200, {}));
  t.teardown(server.close);
  const client = server.client();
  for (const user of ['', '.', '..', 'ada\ud800']) {
    const calls: (() => Promise<unknown>)[] = [
      () => client.models.get('inbox', user),
      () => client.predict({ task: 'inbox', user, inputs: ['x'] }),
      () => client.examples.export('inbox', user).next(),
    ];
    for (const call of calls) await t.rejects(call(), { code: 'invalid_request', detail: /surrogate/ });
  }
  t.equal(server.seen.length, 0);
});

t.test(
  'what no repetition makes right is refused before anything is sent, and the option named',
  async (t) => {
    const server = await startServer((response) => json(response, 200, page));
    t.teardown(server.close);
    const watch = async ({ system }: Client) => {
      for await (const _overview of system.watch()) break;
    };
    const secret = 'scion_sécret\u0000';
    const big = [{ input: 'x', label: 1n as never }];
    const wrong: [RegExp, () => Promise<unknown>][] = [
      [/baseUrl/, () => server.client({ baseUrl: server.baseUrl.slice('http://'.length) }).jobs.list()],
      [/baseUrl/, () => server.client({ baseUrl: 'localhost:7070' }).jobs.wait('job_a')],
      [/baseUrl/, () => watch(server.client({ baseUrl: 'localhost:7070' }))],
      [/baseUrl/, () => server.client({ baseUrl: 'http://ada:hush@localhost' }).jobs.list()],
      [/apiKey/, () => server.client({ apiKey: secret }).jobs.list()],
      [/tenant/, () => server.client().withTenant('日本').jobs.list()],
      [/idempotencyKey/, () => server.client().tenants.create({ name: 'a' }, { idempotencyKey: '№ 7' })],
      [/JSON/, () => server.client().examples.append('inbox', 'ada', big)],
      [/JSON/, () => server.client().examples.append('inbox', 'ada', big, { idempotencyKey: 'order-7' })],
    ];
    for (const [named, call] of wrong) {
      const error = await failure(call());
      t.match(error, { code: 'invalid_request', detail: named });
      t.notMatch(inspect(error), /sécret|hush/, 'without what is secret');
    }
    t.strictSame([server.seen, server.waits], [[], []]);
  },
);

t.test('a path in the base URL is kept', async (t) => {
  const server = await startServer((response) => json(response, 200, page));
  t.teardown(server.close);
  await server.client({ baseUrl: `${server.baseUrl}/scion/` }).jobs.list({ state: 'running', limit: 5 });
  t.equal(server.seen[0]?.url, '/scion/v1/jobs?state=running&limit=5');
});

t.test(
  'a problem document becomes a typed error with code, request id, field errors and extensions',
  async (t) => {
    const server = await startServer((response) => {
      response.writeHead(422, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({
          type: 'x',
          title: 'There are too few examples to train on',
          status: 422,
          detail: 'Add examples',
          instance: '/v1/jobs',
          code: 'too_few_examples',
          requestId: 'req_7',
          errors: [{ path: '/task', message: 'no' }],
          missing: { like: 3 },
        }),
      );
    });
    t.teardown(server.close);
    const error = await failure(server.client().jobs.create({ task: 'inbox', user: 'ada' }));
    t.match(error, {
      name: 'ScionError',
      code: 'too_few_examples',
      status: 422,
      detail: 'Add examples',
      requestId: 'req_7',
      errors: [{ path: '/task', message: 'no' }],
      extensions: { missing: { like: 3 } },
    });
    t.strictSame(Object.keys(error.extensions), ['missing']);
    t.equal(server.seen.length, 1, 'what the caller sent wrong is not sent again');
  },
);

t.test('an answer that is not Scion’s is named as such', async (t) => {
  const server = await startServer((response, _seen, index) => {
    if (index === 0) response.writeHead(404, { 'content-type': 'text/html', 'x-request-id': 'req_9' });
    response.end('<h1>hello</h1>');
  });
  t.teardown(server.close);
  const client = server.client();
  t.match(await failure(client.system.get()), {
    code: 'unexpected_response',
    status: 404,
    requestId: 'req_9',
  });
  t.match(await failure(client.system.get()), { code: 'unexpected_response', status: 200 });
});

t.test('503 is retried with growing, jittered waits, and the answer after it returned', async (t) => {
  const server = await startServer((response, _seen, index) =>
    index < 3 ? problem(response, 503, 'not_ready') : json(response, 200, page),
  );
  t.teardown(server.close);
  t.strictSame(await server.client().jobs.list(), page);
  t.strictSame(server.waits, [125, 250, 500]);
});

t.test('Retry-After in seconds and as a date is honoured', async (t) => {
  const answers = ['2', 'Mon, 23 Nov 2026 20:00:07 GMT'];
  const server = await startServer((response, _seen, index) =>
    index < 2
      ? problem(response, 429, 'overloaded', { 'retry-after': answers[index] })
      : json(response, 200, page),
  );
  t.teardown(server.close);
  await server.client().jobs.list();
  t.ok(server.waits[0]! >= 2_000 && server.waits[0]! < 2_200);
  t.ok(server.waits[1]! >= 7_000 && server.waits[1]! < 7_200);
});

t.test('a Retry-After of more than a minute is the caller’s to decide on', async (t) => {
  const server = await startServer((response) =>
    problem(response, 429, 'quota_exceeded', { 'retry-after': '3600' }),
  );
  t.teardown(server.close);
  const error = await failure(server.client().jobs.list());
  t.equal(error.retryAfterSeconds, 3600);
  t.equal(server.seen.length, 1);
});

t.test('retries end at maxRetries with the last answer’s error', async (t) => {
  const server = await startServer((response) => problem(response, 503, 'not_ready'));
  t.teardown(server.close);
  t.equal((await failure(server.client({ maxRetries: 2 }).jobs.list())).code, 'not_ready');
  t.equal(server.seen.length, 3);
  t.equal((await failure(server.client().tasks.list({}, { maxRetries: 0 }))).code, 'not_ready');
  t.equal(server.seen.length, 4);
});

t.test(
  'a call that creates is repeated under its key, also while the first try is still under way',
  async (t) => {
    const server = await startServer((response, _seen, index) => {
      if (index === 0) response.destroy();
      else if (index === 1) problem(response, 409, 'idempotency_in_progress', { 'retry-after': '1' });
      else if (index === 2) problem(response, 503, 'not_ready');
      else json(response, 201, { id: 'ten_a' });
    });
    t.teardown(server.close);
    t.match(await server.client().tenants.create({ name: 'a' }), { id: 'ten_a' });
    const keys = new Set(server.seen.map(({ headers }) => headers['idempotency-key']));
    t.equal(server.seen.length, 4);
    t.equal(keys.size, 1);
    const conflict = await startServer((response) => problem(response, 409, 'task_changed'));
    t.teardown(conflict.close);
    t.equal((await failure(conflict.client().models.rollback('inbox', 'ada'))).code, 'task_changed');
    t.equal(conflict.seen.length, 1, 'another conflict is an answer');
  },
);

t.test('a broken connection is retried where repeating is harmless', async (t) => {
  const server = await startServer((response, _seen, index) =>
    index === 0 ? response.destroy() : json(response, 200, { ok: true }),
  );
  t.teardown(server.close);
  await server.client().predict({ task: 'inbox', user: 'ada', inputs: ['x'] });
  t.equal(server.seen.length, 2);
});

t.test('many users are asked by one call, their ids in its body', async (t) => {
  const server = await startServer((response) => json(response, 200, { results: [], baseSha256: '' }));
  t.teardown(server.close);
  await server.client().predictUsers({ task: 'inbox', users: ['ada', 'a/b'], inputs: ['x'] });
  t.match(server.seen, [
    { method: 'POST', url: '/v1/tasks/inbox/predict', body: { inputs: ['x'], users: ['ada', 'a/b'] } },
  ]);
});

t.test('examples without an id are given one that stays the same over retries', async (t) => {
  const server = await startServer((response, _seen, index) =>
    index === 0 ? response.destroy() : json(response, 200, {}),
  );
  t.teardown(server.close);
  const examples = [
    { input: 'a', label: 'x' },
    { id: 'mine', input: 'b', label: 'y' },
  ];
  await server.client().examples.append('inbox', 'ada', examples);
  t.strictSame(server.seen[1]?.body, server.seen[0]?.body);
  t.match(server.seen[0]?.body, { examples: [{ id: /^[0-9a-f]{32}$/ }, { id: 'mine' }] });
});

t.test('no answer in time is an error of its own', async (t) => {
  const server = await startServer(() => {});
  t.teardown(server.close);
  const error = await failure(server.client({ maxRetries: 1 }).system.get({ timeoutMs: 20 }));
  t.equal(error.code, 'timeout');
});

t.test('a time limit longer than timers count is none', async (t) => {
  const server = await startServer((response) => json(response, 200, page));
  t.teardown(server.close);
  const client = server.client({
    maxRetries: 0,
    async fetch(...request) {
      // Longer than the 1 ms after which an overflowing timer fires.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return fetch(...request);
    },
  });
  for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31])
    t.strictSame(await client.jobs.list({}, { timeoutMs }), page);
});

t.test('an abort ends a call at once with the signal’s own reason', async (t) => {
  const controller = new AbortController();
  const server = await startServer(() => controller.abort(new Error('enough')));
  t.teardown(server.close);
  await t.rejects(server.client().system.get({ signal: controller.signal }), { message: 'enough' });
  await t.rejects(server.client().system.get({ signal: controller.signal }), { message: 'enough' });
  t.equal(server.seen.length, 1);
});

t.test('204 is an answer', async (t) => {
  const server = await startServer((response) => response.writeHead(204).end());
  t.teardown(server.close);
  t.equal(await server.client().webhooks.delete('whk_a'), undefined);
});

t.test(
  'a call that creates carries one idempotency key through its retries, and another the next time',
  async (t) => {
    const server = await startServer((response, _seen, index) =>
      index % 2 === 0
        ? problem(response, 429, 'overloaded', { 'retry-after': '1' })
        : json(response, 201, { id: 'ten_a' }),
    );
    t.teardown(server.close);
    const client = server.client();
    await client.tenants.create({ name: 'a' });
    await client.tenants.create({ name: 'a' });
    const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
    t.equal(keys[0], keys[1]);
    t.match(keys[0], /^[0-9a-f]{32}$/);
    t.not(keys[0], keys[2]);
    await client.tenants.create({ name: 'a' }, { idempotencyKey: 'order-7' });
    t.equal(server.seen.at(-1)?.headers['idempotency-key'], 'order-7');
  },
);

t.test('what is the same done twice needs no key', async (t) => {
  const server = await startServer((response) => json(response, 200, page));
  t.teardown(server.close);
  await server.client().predict({ task: 'feed', user: 'ada', inputs: ['x'] });
  await server.client().tasks.list();
  t.strictSame(
    server.seen.map(({ headers }) => headers['idempotency-key']),
    [undefined, undefined],
  );
});
