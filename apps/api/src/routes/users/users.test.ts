import { AppError } from '@scion/contracts';
import { objectKeys } from '@scion/registry';
import { listAll } from '@scion/store';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi, type TestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const user = 'Ada Quince';
const path = `users/${encodeURIComponent(user)}`;
// The name, and as keys, URLs and the queue's locks spell it.
const traces = [user, '!41da', 'Ada%20', Buffer.from(user).toString('base64url'), 'secret pear', 'ripe'];

/** Everything in the bucket and in Redis as one text. */
async function everything({ store, redis: connection }: TestApi): Promise<string> {
  const parts: string[] = [];
  for await (const { key } of listAll(store, '')) {
    parts.push(key, Buffer.from((await store.get(key))?.body ?? '').toString('latin1'));
  }
  for (const key of await connection.keys('*')) {
    const type = await connection.type(key);
    const read = { string: 'get', hash: 'hgetall', set: 'smembers' }[type];
    const all = ['0', '-1'];
    let value: unknown;
    if (read) value = await connection.call(read, key);
    else if (type === 'stream') value = await connection.xrange(key, '-', '+');
    else value = await connection.call(type === 'list' ? 'lrange' : 'zrange', key, ...all);
    parts.push(key, JSON.stringify(value));
  }
  return parts.join('\n');
}
const found = async (api: TestApi): Promise<string[]> => {
  const text = await everything(api);
  return traces.filter((trace) => text.includes(trace));
};

async function start(t: Parameters<typeof startTestApi>[0]) {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const refOf = (task: string) => ({ tenantId: tenant.id, task, user });
  for (const task of ['inbox', 'news']) {
    await api.registry.tasks.put(tenant.id, task, {}, { base: 'test-base' });
    await api.registry.examples.append(
      refOf(task),
      [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `secret pear ${n}`, label: n % 2 ? 'ripe' : 'raw' })),
    );
  }
  const train = async (task: string): Promise<string> =>
    (await api.call('POST', '/v1/jobs', { key: tenant.train, payload: { task, user } })).json().id;
  return { api, tenant, refOf, train };
}

t.test('DELETE /v1/users/:user: 200', async (t) => {
  const { api, tenant, refOf, train } = await start(t);
  await api.publish(refOf('inbox'), ['ripe', 'raw']);
  const queued = await train('news');
  await api.queue.enqueueRefresh({ ...refOf('inbox'), occasion: 'now' });
  await api.queue.enqueueRefresh({ ...refOf('inbox'), occasion: 'tomorrow' }, 86_400_000);
  await api.queue.enqueueRefresh({ ...refOf('inbox'), user: 'bob', occasion: 'now' });
  t.ok((await found(api)).length > 3, 'the search finds what is there');

  const response = await api.call('DELETE', `/v1/${path}`, { key: tenant.admin });
  t.equal(response.statusCode, 200, response.body);
  t.match(response.json(), {
    receipt: { user, tasks: ['inbox', 'news'], by: /^key_/, jobs: [queued] },
    jws: /^[\w-]+\.[\w-]+\.[\w-]+$/,
    stoppingJobs: [],
  });
  t.same(await found(api), [], 'neither name nor text is anywhere');
  t.match(await everything(api), '"bob', 'what waits for others is left alone');
  t.equal((await api.queue.counts()).training.waiting, 0);
  t.same(await api.queue.events.read(queued), []);
  const job = await api.call('GET', `/v1/jobs/${queued}`, { key: tenant.train });
  t.match(problemOf(job), { status: 404, code: 'job_not_found' });
  const predict = await api.call('POST', `/v1/tasks/inbox/${path}/predict`, {
    key: tenant.predict,
    payload: { inputs: ['x'] },
  });
  t.match(problemOf(predict), { code: 'model_not_trained' });

  t.test('a repetition finds nobody', async (t) => {
    const again = await api.call('DELETE', `/v1/${path}`, { key: tenant.admin });
    t.match(problemOf(again), { status: 404, code: 'user_not_found' });
  });

  t.test('the public key of the signature is there for everybody with a key', async (t) => {
    const key = await api.call('GET', '/v1/signing-key', { key: tenant.predict });
    t.match(key.json(), { kty: 'OKP', crv: 'Ed25519', x: /^[\w-]{43}$/ });
  });
});

t.test('DELETE /v1/users/:user while jobs run, have died, and wait: 200', async (t) => {
  const { api, tenant, train } = await start(t);
  const dead = await train('inbox');
  let started = (): void => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  let gone = (): void => {};
  const died = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const consumer = await api.queue.processTraining(
    async ({ jobId }, { signal }) => {
      if (jobId === dead) throw new AppError('too_few_examples', 'Not retryable, so dead at once.');
      started();
      // Like the worker: it stops between two steps, finds its record gone, and ends well.
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
    { concurrency: 1, onDead: async () => gone() },
  );
  t.teardown(() => consumer.close({ graceMs: 0 }));
  await died;
  const second = await train('news');
  await running;
  t.ok((await found(api)).includes(user));

  const response = await api.call('DELETE', `/v1/${path}`, { key: tenant.admin });
  t.equal(response.statusCode, 200, response.body);
  t.same(response.json().receipt.jobs.sort(), [dead, second].sort());
  t.same(response.json().stoppingJobs, [], 'it waited for the worker');
  t.same(await found(api), []);
});

t.test('DELETE /v1/tasks/:task/users/:user: 200', async (t) => {
  const { api, tenant, refOf } = await start(t);
  const response = await api.call('DELETE', `/v1/tasks/inbox/${path}`, { key: tenant.admin });
  t.equal(response.statusCode, 200, response.body);
  t.same(response.json().receipt.tasks, ['inbox']);
  const model = await api.call('GET', `/v1/tasks/inbox/${path}/model`, { key: tenant.train });
  t.match(problemOf(model), { status: 404, code: 'user_not_found' });
  t.equal(await api.registry.examples.count(refOf('news')), 4, 'another task is untouched');
  const again = await api.call('DELETE', `/v1/tasks/inbox/${path}`, { key: tenant.admin });
  t.match(problemOf(again), { status: 404, code: 'user_not_found' });
});

t.test('DELETE /v1/users/:user: 400', async (t) => {
  const { api, tenant } = await start(t);
  const response = await api.call('DELETE', `/v1/users/${'x'.repeat(257)}`, { key: tenant.admin });
  t.match(problemOf(response), { status: 400, code: 'invalid_request' });
});

t.test('GET /v1/users/:user/export: 200, which POST /v1/users/import takes: 201', async (t) => {
  const { api, tenant, refOf } = await start(t);
  await api.publish(refOf('inbox'));
  const archive = await api.call('GET', `/v1/${path}/export`, { key: tenant.admin });
  t.equal(archive.statusCode, 200, archive.body);
  t.equal(archive.headers['content-type'], 'application/x-tar');
  t.equal(
    archive.headers['cache-control'],
    'no-store',
    'it is not kept on the way, and so outlives no erasure',
  );
  const other = await api.createTenant('other');
  for (const task of ['inbox', 'news'])
    await api.registry.tasks.put(other.id, task, {}, { base: 'test-base' });
  const send = (payload: Buffer, query = '') =>
    api.call('POST', `/v1/users/import${query}`, {
      ...{ key: other.admin, payload, headers: { 'content-type': 'application/x-tar' } },
    });
  const imported = await send(archive.rawPayload);
  t.equal(imported.statusCode, 201, imported.body);
  t.match(imported.json(), {
    user,
    tasks: [
      { task: 'inbox', examples: 4, versions: 1, live: 1, jobs: 0 },
      { task: 'news', examples: 4, versions: 0, live: null, jobs: 0 },
    ],
  });
  t.equal((await send(archive.rawPayload, '?as=bob')).json().user, 'bob');
  const keyed = (payload: Buffer) =>
    api.call('POST', '/v1/users/import?as=dora', {
      ...{ key: other.admin, payload },
      headers: { 'content-type': 'application/x-tar', 'idempotency-key': 'import-dora' },
    });
  t.equal((await keyed(archive.rawPayload)).statusCode, 201);
  t.equal((await keyed(archive.rawPayload)).headers['idempotency-replayed'], 'true');
  t.match(problemOf(await keyed(archive.rawPayload.subarray(0, 900))), { code: 'idempotency_key_reused' });
  t.match(problemOf(await send(archive.rawPayload)), { status: 409, code: 'user_exists' });
  t.match(problemOf(await send(archive.rawPayload.subarray(0, 900))), {
    status: 422,
    code: 'archive_invalid',
  });
  api.engine.failWith = new AppError('base_mismatch', 'The model was trained on another base.');
  const mismatch = problemOf(await send(archive.rawPayload, '?as=carol'));
  t.match(mismatch, { status: 422, code: 'archive_invalid', detail: /trained on another base/ });
  api.engine.failWith = undefined;
  await api.registry.tasks.put(other.id, 'news', { maxExamplesPerUser: 3 }, { base: 'test-base' });
  const full = problemOf(await send(archive.rawPayload, '?as=carol'));
  t.match(full, { status: 403, code: 'quota_examples', quota: 'examplesPerModel', limit: 3 });
  t.match(full.detail, /at most 3 examples for `news`, and the archive has 4/);
  const quotas = { examplesPerModel: 2 };
  await api.call('PUT', `/v1/tenants/${other.id}`, { key: api.operator, payload: { name: 'other', quotas } });
  t.match(problemOf(await send(archive.rawPayload, '?as=carol')), { code: 'quota_examples', limit: 2 });
  const json = await api.call('POST', '/v1/users/import', { key: other.admin, payload: {} });
  t.match(problemOf(json), { status: 415, code: 'unsupported_media_type' });
  const nobody = await api.call('GET', '/v1/users/nobody/export', { key: tenant.admin });
  t.match(problemOf(nobody), { status: 404, code: 'user_not_found' });
});

t.test(
  'what would change a user whose import died half-way: 409, with the remedy; reading goes on',
  async (t) => {
    const { api, tenant, refOf } = await start(t);
    await api.publish(refOf('inbox'), ['ripe', 'raw']);
    const mark = JSON.stringify({ at: new Date().toISOString(), objects: [] });
    await api.store.put(objectKeys.importing(tenant.id, user), Buffer.from(mark));
    const model = `/v1/tasks/inbox/${path}`;
    const examples = [{ id: '1', input: 'secret pear 1', label: 'ripe' }];
    for (const [method, url, payload] of [
      ['POST', `${model}/examples`, { examples }],
      ['DELETE', `${model}/examples/1`],
      ['POST', `${model}/examples/compact`],
      ['POST', `${model}/promote`, { version: 1 }],
      ['POST', `${model}/rollback`, { version: 1 }],
      ['PUT', `${model}/versions/1/pin`],
      ['DELETE', `${model}/versions/1/pin`],
      ['POST', `${model}/collect`],
      ['POST', '/v1/jobs', { task: 'inbox', user }],
    ] as const) {
      const answer = await api.call(method, url, { key: tenant.train, payload });
      const problem = problemOf(answer);
      t.match(problem, { status: 409, code: 'user_importing' }, `${method} ${url}`);
      t.match(problem.detail, /import the archive again or erase the user/);
      t.equal(answer.headers['retry-after'], '5');
    }
    const read = await api.call('GET', `${model}/model`, { key: tenant.train });
    t.match(read.json(), { examples: 4, live: { version: 1 } });
    t.equal((await api.call('DELETE', `/v1/${path}`, { key: tenant.admin })).statusCode, 200);
    const again = await api.call('POST', `${model}/examples`, { key: tenant.train, payload: { examples } });
    t.equal(again.statusCode, 200);
  },
);
