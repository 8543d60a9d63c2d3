import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('GET /v1/models: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

  t.test('models are listed, by task where asked', async (t) => {
    await api.registry.tasks.put(tenant.id, 'feed', {}, { base: 'test-base' });
    await api.publish(ref);
    await api.publish({ ...ref, task: 'feed', user: 'a/b' });
    const all = await api.call('GET', '/v1/models', { key: tenant.train });
    t.equal(all.statusCode, 200, all.body);
    t.equal(all.json().data.length, 2);
    const feed = await api.call('GET', '/v1/models', { key: tenant.train, query: { task: 'feed' } });
    const [row, ...others] = feed.json().data;
    t.same(others, []);
    t.match(row, {
      ...{ tenantId: tenant.id, task: 'feed', user: 'a/b', lastJob: null },
      live: { version: 1, method: 'head', labels: 2, examples: 10, accuracy: 0.9 },
    });
  });

  t.test('an operator lists those of all tenants, or of the one it names', async (t) => {
    const other = await api.createTenant('other');
    const job = { ...ref, tenantId: other.id };
    await api.registry.tasks.put(other.id, 'inbox', {}, { base: 'test-base' });
    await api.registry.jobs.create(job);
    for (const path of ['/v1/models', '/v1/jobs']) {
      const rows = async (tenantId?: string) => {
        const options = { key: api.operator, ...(tenantId !== undefined && { tenant: tenantId }) };
        const response = await api.call('GET', path, options);
        t.equal(response.statusCode, 200, response.body);
        return (response.json().data as { tenantId: string }[]).map((each) => each.tenantId);
      };
      t.ok((await rows()).includes(other.id), path);
      t.same(new Set(await rows(other.id)), new Set([other.id]), path);
    }
    const all = await api.call('GET', '/v1/models', { key: api.operator });
    t.equal(all.json().data.length, 3);
    const mine = await api.call('GET', '/v1/models', { key: tenant.train });
    t.notMatch(mine.body, other.id);
  });
});

t.test('GET /v1/tasks/:task/users/:user/model: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

  t.test('a model tells its examples, versions, what is live, and since when', async (t) => {
    await api.registry.examples.append(ref, [{ id: '1', input: 'x', label: 'like' }]);
    const before = await api.call('GET', '/v1/tasks/inbox/users/ada/model', { key: tenant.train });
    t.match(before.json(), { ...ref, examples: 1, versions: 0, live: null, history: [] });
    await api.publish(ref, ['like', 'line\nbreak']);
    const response = await api.call('GET', '/v1/tasks/inbox/users/ada/model', { key: tenant.train });
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json(), {
      ...{ versions: 1, history: [{ version: 1, reason: 'gate' }] },
      live: { version: 1, live: true, card: { examplesPerLabel: { like: 5, 'line\nbreak': 5 } } },
    });
  });
});

t.test('GET /v1/tasks/:task/users/:user/versions: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

  t.test('versions come newest first, and one is live', async (t) => {
    for (let count = 0; count < 3; count += 1) await api.publish(ref);
    const response = await api.call('GET', '/v1/tasks/inbox/users/ada/versions', { key: tenant.train });
    t.equal(response.statusCode, 200, response.body);
    const rows = response
      .json()
      .data.map(({ version, live }: { version: number; live: boolean }) => [version, live]);
    t.same(rows, [
      [3, true],
      [2, false],
      [1, false],
    ]);
  });
});

t.test('GET /v1/tasks/:task/users/:user/versions/:version: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

  t.test('a version tells its card, hash and size', async (t) => {
    const published = await api.publish(ref);
    const url = '/v1/tasks/inbox/users/ada/versions/1';
    const response = await api.call('GET', url, { key: tenant.train });
    t.equal(response.statusCode, 200, response.body);
    t.same(response.json(), published);
  });

  t.test('a number that cannot be a version is refused', async (t) => {
    for (const version of ['0', 'x', '1.5', '-1', '999999999']) {
      const url = `/v1/tasks/inbox/users/ada/versions/${version}`;
      t.equal((await api.call('GET', url, { key: tenant.train })).statusCode, 400, version);
    }
  });
});

t.test('POST /v1/tasks/:task/users/:user/rollback: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  const url = '/v1/tasks/inbox/users/ada/rollback';
  for (let count = 0; count < 3; count += 1) await api.publish(ref);

  t.test('without a version it goes back to the one before', async (t) => {
    const response = await api.call('POST', url, { key: tenant.train });
    t.equal(response.statusCode, 200, response.body);
    t.equal(response.json().live.version, 2);
    t.match(response.json().history[0], { version: 2, reason: 'rollback', by: /^key_/ });
  });

  t.test('with a version it goes there', async (t) => {
    const response = await api.call('POST', url, { key: tenant.train, payload: { version: 1 } });
    t.equal(response.json().live.version, 1);
  });
});

t.test('POST /v1/tasks/:task/users/:user/rollback: 409', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  const url = '/v1/tasks/inbox/users/ada/rollback';

  t.test('an untrained model has nothing to roll back', async (t) => {
    await api.registry.examples.append(ref, [{ input: 'x', label: 'like' }]);
    t.match(problemOf(await api.call('POST', url, { key: tenant.train })), { code: 'model_not_trained' });
  });

  t.test('the first version has no earlier one', async (t) => {
    await api.publish(ref);
    const response = await api.call('POST', url, { key: tenant.train });
    t.match(problemOf(response), { status: 409, code: 'nothing_to_roll_back' });
  });

  t.test('a version that does not exist is missing', async (t) => {
    const response = await api.call('POST', url, { key: tenant.train, payload: { version: 9 } });
    t.match(problemOf(response), { status: 404, code: 'version_not_found' });
  });
});

t.test('what does not exist is told apart: task, user, version', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  await api.publish({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  const codeOf = async (path: string) =>
    problemOf(await api.call('GET', `/v1/tasks/${path}`, { key: tenant.train })).code;
  t.equal(await codeOf('nowhere/users/ada/model'), 'task_not_found');
  t.equal(await codeOf('inbox/users/nobody/model'), 'user_not_found');
  t.equal(await codeOf('inbox/users/nobody/versions'), 'user_not_found');
  t.equal(await codeOf('inbox/users/ada/versions/9'), 'version_not_found');
  t.equal(await codeOf('nowhere/users/ada/examples'), 'task_not_found');
  const payload = { inputs: ['x'] };
  const url = '/v1/tasks/nowhere/users/ada/predict';
  const predict = await api.call('POST', url, { key: tenant.predict, payload });
  t.match(problemOf(predict), { status: 404, code: 'task_not_found' });
  const job = await api.call('POST', '/v1/jobs', {
    key: tenant.train,
    payload: { task: 'nowhere', user: 'ada' },
  });
  t.match(problemOf(job), { status: 404, code: 'task_not_found' });
});
