import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('PUT /v1/tasks/:task: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  const put = (payload: object) => api.call('PUT', '/v1/tasks/inbox-triage', { key: tenant.admin, payload });

  t.test('the first put creates, with every default filled in', async (t) => {
    const response = await put({});
    t.equal(response.statusCode, 201, response.body);
    t.match(response.json(), {
      name: 'inbox-triage',
      kind: 'classification',
      modality: 'text',
      base: 'test-base',
      labels: null,
      minExamplesPerLabel: 2,
      untrained: 'error',
      abstainBelow: 0,
    });
  });

  t.test('a later put changes it', async (t) => {
    const response = await put({ labels: ['now', 'later'], untrained: 'zero-shot', abstainBelow: 0.5 });
    t.equal(response.statusCode, 200);
    t.match(response.json(), { labels: ['now', 'later'], untrained: 'zero-shot', abstainBelow: 0.5 });
  });

  t.test('a task from before a change of base moves to the base that runs', async (t) => {
    await api.registry.tasks.put(tenant.id, 'older', {}, { base: 'former-base' });
    const response = await api.call('PUT', '/v1/tasks/older', { key: tenant.admin, payload: {} });
    t.equal(response.statusCode, 200, response.body);
    t.equal(response.json().base, 'test-base');
  });
});

t.test('PUT /v1/tasks/:task: 400', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  const put = (name: string, payload: object) =>
    api.call('PUT', `/v1/tasks/${name}`, { key: tenant.admin, payload });

  t.test('zero-shot answers need label names to choose from', async (t) => {
    const response = await put('inbox', { untrained: 'zero-shot' });
    t.match(problemOf(response), { status: 400, errors: [{ path: '/untrained' }] });
  });

  t.test('a label set of one, a label twice and an unknown policy are pointed at', async (t) => {
    const cases: [object, string][] = [
      [{ labels: ['one'] }, '/labels'],
      [{ labels: ['one', 'one'] }, '/labels'],
      [{ labels: ['one', 2] }, '/labels/1'],
      [{ untrained: 'guess' }, '/untrained'],
      [{ abstainBelow: 2 }, '/abstainBelow'],
      [{ color: 'red' }, '/color'],
    ];
    for (const [payload, path] of cases) {
      t.match(problemOf(await put('inbox', payload)), { status: 400, errors: [{ path }] }, path);
    }
  });

  t.test('a name that is no task name is refused', async (t) => {
    for (const name of ['Inbox', 'in_box', 'a'.repeat(64), '-a', 'a%2Fb']) {
      t.match(problemOf(await put(name, {})), { status: 400, errors: [{ path: 'path/task' }] }, name);
    }
  });
});

t.test('PUT /v1/tasks/:task: 409', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('the kind of a task is fixed for its life', async (t) => {
    await api.registry.tasks.put(tenant.id, 'inbox', { kind: 'multilabel' }, { base: 'test-base' });
    const response = await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: {} });
    t.match(problemOf(response), { status: 409, code: 'task_changed' });
  });
});

t.test('GET /v1/tasks/:task: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  t.test('any key of the tenant reads a task', async (t) => {
    for (const key of [tenant.admin, tenant.train, tenant.predict]) {
      const response = await api.call('GET', '/v1/tasks/inbox', { key });
      t.equal(response.statusCode, 200);
      t.equal(response.json().name, 'inbox');
    }
  });
});

t.test('GET /v1/tasks: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a tenant sees its own tasks only', async (t) => {
    const other = await api.createTenant('other');
    await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
    await api.registry.tasks.put(other.id, 'feed', {}, { base: 'test-base' });
    const response = await api.call('GET', '/v1/tasks', { key: tenant.predict });
    t.equal(response.statusCode, 200);
    t.same(
      response.json().data.map(({ name }: { name: string }) => name),
      ['inbox'],
    );
  });
});

t.test('DELETE /v1/tasks/:task: 204', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  t.test('a deleted task is gone, and what its users stored comes back with it', async (t) => {
    const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
    await api.registry.examples.append(ref, [{ id: '1', input: 'x', label: 'like' }]);
    const response = await api.call('DELETE', '/v1/tasks/inbox', { key: tenant.admin });
    t.equal(response.statusCode, 204);
    t.equal((await api.call('GET', '/v1/tasks/inbox', { key: tenant.admin })).statusCode, 404);
    await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: {} });
    t.equal(await api.registry.examples.count(ref), 1);
  });
});
