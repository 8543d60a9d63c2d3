import { type AddressInfo, connect } from 'node:net';
import { AppError, limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t, { type Test } from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis, rowsPerMinute: 10_000 });
const tenant = await api.createTenant();
const put = (untrained: 'error' | 'zero-shot' | 'majority') =>
  api.registry.tasks.put(tenant.id, 'inbox', { labels: ['like', 'hide'], untrained }, { base: 'test-base' });
await put('error');
const refOf = (user: string) => ({ tenantId: tenant.id, task: 'inbox', user });
const ada = await api.publish(refOf('ada'));
await api.publish(refOf('bea/ü'));
const predict = (users: string[], inputs = ['x', 'y']) =>
  api.call('POST', '/v1/tasks/inbox/predict', { key: tenant.predict, payload: { inputs, users } });

t.test('each user gets their own model’s answer, in the order asked', async (t) => {
  const response = await predict(['bea/ü', 'ada']);
  t.equal(response.statusCode, 200, response.body);
  const { results, baseSha256 } = response.json();
  t.equal(baseSha256, api.engine.base.sha256);
  t.match(results, [
    { user: 'bea/ü', source: 'model', version: 1 },
    { user: 'ada', source: 'model', version: ada.version, adapterSha256: ada.adapterSha256 },
  ]);
  t.equal(results[0].predictions.length, 2);
});

t.test('a user without a model gets a problem, and the others their answers', async (t) => {
  const { results } = (await predict(['ada', 'nobody'])).json();
  t.match(results, [{ source: 'model' }, { user: 'nobody', problem: { code: 'model_not_trained' } }]);
});

t.test('or what the task wants for them: label names, or shares of their own labels', async (t) => {
  await put('zero-shot');
  t.match((await predict(['nobody'])).json().results, [
    { user: 'nobody', source: 'zero-shot', version: null },
  ]);
  await put('majority');
  const rows = ['like', 'hide', 'hide', 'hide'].map((label, id) => ({ id: `${id}`, input: 'x', label }));
  await api.registry.examples.append(refOf('cid'), rows);
  const { results } = (await predict(['cid', 'nobody'])).json();
  t.match(results[0], { source: 'majority', predictions: [{ label: 'hide' }, { label: 'hide' }] });
  // Three of four, each label counted once more.
  t.ok(Math.abs(results[0].predictions[0].probability - 4 / 6) < 1e-6);
  t.ok(Math.abs(results[1].predictions[0].probability - 1 / 2) < 1e-6, 'nobody has said anything');
  await put('error');
});

t.test('label names are asked once, however many users have no model', async (t) => {
  await put('zero-shot');
  const { zeroShot } = api.engine;
  let asked = 0;
  api.engine.zeroShot = (...call) => {
    asked += 1;
    return zeroShot(...call);
  };
  t.teardown(async () => {
    api.engine.zeroShot = zeroShot;
    await put('error');
  });
  const { results } = (await predict(['nobody', 'ada', 'no one'])).json();
  t.match(results, [
    { user: 'nobody', source: 'zero-shot' },
    { user: 'ada', source: 'model' },
    { user: 'no one', source: 'zero-shot' },
  ]);
  t.same(results[2].predictions, results[0].predictions);
  t.equal(asked, 1);
  await predict(['ada']);
  t.equal(asked, 1, 'and not at all where all have one');
});

/** Reads of labels that end when the test says so. */
function holdLabels(t: Test) {
  const { firstLabels } = api.registry.examples;
  const open: (() => void)[] = [];
  let asked = 0;
  api.registry.examples.firstLabels = async (ref) => {
    asked += 1;
    await new Promise<void>((resolve) => open.push(resolve));
    return firstLabels(ref);
  };
  t.teardown(async () => {
    api.registry.examples.firstLabels = firstLabels;
    await put('error');
  });
  return {
    asked: () => asked,
    async reached(count: number) {
      while (asked < count) await turn();
    },
    release: () => {
      for (const go of open.splice(0)) go();
    },
  };
}
/** Until the server has seen all its clients leave. */
async function disconnected() {
  const connections = () =>
    new Promise<number>((resolve) => api.app.server.getConnections((_, count) => resolve(count)));
  while ((await connections()) > 0) await turn();
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
const many = Array.from({ length: 40 }, (_, i) => `untrained-${i}`);

t.test('labels of users without a model are read 32 at a time', async (t) => {
  await put('majority');
  const reads = holdLabels(t);
  const answer = predict(many);
  await reads.reached(32);
  for (let i = 0; i < 10; i += 1) await turn();
  t.equal(reads.asked(), 32);
  reads.release();
  await reads.reached(40);
  reads.release();
  const { results } = (await answer).json();
  t.same(
    results.map(({ user, source }: { user: string; source: string }) => [user, source]),
    many.map((user) => [user, 'majority']),
  );
});

t.test('once the client has left, users without a model are not gone on with', async (t) => {
  const origin = await api.app.listen({ host: '127.0.0.1', port: 0 });
  /** A call over the network, by a client that leaves when told to. */
  const ask = (path: string, payload: object) => {
    const client = new AbortController();
    const gone = fetch(`${origin}/v1/tasks/inbox/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tenant.predict}`, 'content-type': 'application/json' },
      body: JSON.stringify(payload),
      signal: client.signal,
    }).catch(() => {});
    return async () => {
      client.abort();
      await gone;
      await disconnected();
    };
  };

  await put('zero-shot');
  const { zeroShot } = api.engine;
  t.teardown(() => {
    api.engine.zeroShot = zeroShot;
  });
  const calls = { 'users/nobody/predict': {}, predict: { users: ['nobody'] } };
  for (const [path, payload] of Object.entries(calls)) {
    const asked = new Promise<AbortSignal | undefined>((resolve) => {
      api.engine.zeroShot = (_labels, _texts, { signal }) => {
        resolve(signal);
        return new Promise((_, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
        );
      };
    });
    const leave = ask(path, { inputs: ['x'], ...payload });
    const signal = await asked;
    await leave();
    t.equal(signal?.aborted, true, path);
  }

  await put('majority');
  const reads = holdLabels(t);
  const leave = ask('predict', { inputs: ['x'], users: many });
  await reads.reached(32);
  await leave();
  reads.release();
  for (let i = 0; i < 100; i += 1) await turn();
  t.equal(reads.asked(), 32);
  reads.release();
});

t.test('who has left before the engine is asked is not answered either', async (t) => {
  const { get } = api.registry.tenants;
  const { predict: answer } = api.engine;
  const { port } = api.app.server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  const asked = new Promise<AbortSignal | undefined>((resolve) => {
    api.registry.tenants.get = async (id) => {
      const found = await get(id);
      client.destroy();
      await disconnected();
      return found;
    };
    api.engine.predict = async (adapter, texts, call) => {
      resolve(call?.signal);
      return answer(adapter, texts, call);
    };
  });
  t.teardown(() => {
    api.registry.tenants.get = get;
    api.engine.predict = answer;
  });
  const body = JSON.stringify({ inputs: ['x'] });
  client.write(
    `POST /v1/tasks/inbox/users/ada/predict HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tenant.predict}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  t.equal((await asked)?.aborted, true);
});

t.test('rows are counted as inputs times users', async (t) => {
  const before = await api.call('GET', '/metrics');
  const rowsOf = (body: string) => Number(/predicted_rows_total\{source="model"\} (\d+)/.exec(body)?.[1]);
  await predict(['ada', 'bea/ü'], ['x', 'y', 'z']);
  t.equal(rowsOf((await api.call('GET', '/metrics')).body) - rowsOf(before.body), 6);
});

t.test('what cannot be asked is pointed at, and the engine is not troubled', async (t) => {
  api.engine.asked.length = 0;
  t.match(problemOf(await predict([])), { status: 400, code: 'invalid_request' });
  t.match(problemOf(await predict(['ada', 'ada'])), { status: 400, code: 'invalid_request' });
  t.match(problemOf(await predict(['ada', '..'])), { status: 400, errors: [{ path: '/users/1' }] });
  t.match(problemOf(await predict(['ada'], [''])), { status: 422, code: 'input_empty' });
  const most = Math.floor(limits.predictUserRowsPerRequest / 100) + 1;
  const many = Array.from({ length: 100 }, (_, i) => `user-${i}`);
  t.match(
    problemOf(
      await predict(
        many,
        Array.from({ length: most }, () => 'x'),
      ),
    ),
    { status: 422, code: 'too_many_rows' },
  );
  t.same(api.engine.asked, []);
});

t.test('a damaged model is that user’s problem; a busy engine is everybody’s', async (t) => {
  api.engine.failWith = new AppError('artifact_invalid', 'The model’s artifact was refused.');
  t.match((await predict(['ada'])).json().results, [{ user: 'ada', problem: { code: 'artifact_invalid' } }]);
  api.engine.failWith = new AppError('overloaded', 'Busy.', { retryAfterSeconds: 2 });
  const busy = await predict(['ada']);
  t.match(problemOf(busy), { status: 429, code: 'overloaded' });
  t.equal(busy.headers['retry-after'], '2');
  api.engine.failWith = undefined;
});

t.test('beyond the quota nothing is answered', async (t) => {
  const users = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
  const answers = [];
  for (let round = 0; round < 4; round += 1) answers.push(await predict(users, ['a', 'b', 'c', 'd']));
  t.match(problemOf(answers.at(-1)!), { status: 429, code: 'quota_predict_rows' });
});

t.test('a hint loads the models of those who have one, and is answered at once', async (t) => {
  api.engine.prefetched.length = 0;
  const hint = (payload: object) =>
    api.call('POST', '/v1/tasks/inbox/prefetch', { key: tenant.predict, payload });
  const response = await hint({ users: ['ada', 'nobody', 'bea/ü'] });
  t.strictSame([response.statusCode, response.json()], [202, { models: 2 }]);
  t.strictSame(api.engine.prefetched, ['ada', 'bea/ü']);
  t.match(problemOf(await hint({ users: [''] })), { status: 400, errors: [{ path: '/users/0' }] });
});
