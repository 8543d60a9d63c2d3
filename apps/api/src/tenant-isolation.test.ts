import { startRedis } from '@scion/testkit';
import type { LightMyRequestResponse } from 'fastify';
import t from 'tap';
import { problemOf, startTestApi } from './testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const owner = await api.createTenant('owner');
const stranger = await api.createTenant('stranger');

// Everything of the owner's that a path can name.
const ref = { tenantId: owner.id, task: 'inbox', user: 'ada' };
await api.registry.tasks.put(owner.id, 'inbox', {}, { base: 'test-base' });
await api.registry.examples.append(ref, [
  { id: '1', input: 'x', label: 'like' },
  { id: '2', input: 'x', label: 'like' },
  { id: '3', input: 'x', label: 'hide' },
  { id: '4', input: 'x', label: 'hide' },
]);
await api.publish(ref);
await api.publish(ref);
const { job } = await api.registry.jobs.create(ref);
const webhook = await api.registry.webhooks.create(owner.id, { url: 'https://example.com' });
const delivery = `dlv_${'1'.repeat(26)}`;
await api.registry.webhooks.appendDelivery(owner.id, webhook.id, {
  ...{ id: delivery, eventId: `evt_${'1'.repeat(26)}`, type: 'job.failed', attempt: 1, ok: true },
  ...{ at: '2026-01-01T00:00:00.000Z', status: 204, latencyMs: 1, error: null },
});
const erased = { tenantId: owner.id, task: 'inbox', user: 'erased' };
await api.registry.examples.append(erased, [{ input: 'x', label: 'like' }]);
const { receipt } = await api.registry.users.erase({ ...erased, by: 'key_1' }, async () => {});
const [ownKey] = (await api.registry.keys.list(owner.id)).data;

const existing: Record<string, string> = {
  ...{ tenant: owner.id, key: ownKey!.id, job: job.id, webhook: webhook.id },
  ...{ task: 'inbox', user: 'ada', version: '1', example: '1', delivery, erasure: receipt.id },
};
const zeros = '0'.repeat(26);
const missing: Record<string, string> = {
  ...{ tenant: `ten_${zeros}`, key: `key_${zeros}`, job: `job_${zeros}`, webhook: `whk_${zeros}` },
  ...{ task: 'nowhere', user: 'nobody', version: '1', example: '1' },
  ...{ delivery: `dlv_${zeros}`, erasure: `ers_${zeros}` },
};

const document = (await api.call('GET', '/openapi.json')).json();
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
interface Operation {
  operationId: string;
  security: object[];
  requestBody?: { content: Record<string, { example?: unknown }> };
}
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ path, operation },
      method: method.toUpperCase() as Method,
    })),
);
const inTenant = operations.filter(({ operation }) => operation.security.length > 0);
const naming = inTenant.filter(({ path }) => path.includes('{'));

const bodies: Record<string, unknown> = {
  rollbackModel: {},
  promoteVersion: { version: 1 },
  predict: { inputs: ['x'] },
  prefetchModels: { users: ['ada'] },
  predictUsers: { inputs: ['x'], users: ['ada'] },
  appendExamples: { examples: [{ id: 'mine', input: 'x', label: 'like' }] },
  putTask: {},
};
const call = (
  { path, method, operation }: (typeof operations)[number],
  names: Record<string, string>,
  options: { key: string; tenant?: string },
) =>
  api.call(
    method,
    path.replace(/\{(\w+)\}/g, (_, name: string) => names[name]!),
    {
      ...options,
      ...(method === 'POST' || method === 'PUT' ? { payload: bodies[operation.operationId] ?? {} } : {}),
    },
  );

/** The answer without what differs from request to request anyway. */
const answer = (response: LightMyRequestResponse) => {
  const { requestId: _, instance: __, ...rest } = response.body ? response.json() : {};
  return { status: response.statusCode, ...rest };
};

t.test('the matrix holds every route that names something', async (t) => {
  t.ok(naming.length >= 17, `${naming.length} routes`);
  for (const { path } of naming) {
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) t.ok(existing[name!], `${path}: ${name} exists`);
  }
});

for (const one of naming) {
  const title = `${one.method} ${one.path}`;

  t.test(`${title}: what another tenant owns looks exactly like what does not exist`, async (t) => {
    const theirs = await call(one, existing, { key: stranger.all });
    const nobodys = await call(one, missing, { key: stranger.all });
    if (one.operation.operationId === 'putTask') {
      // It makes a task of the stranger's own, whatever the owner has under that name.
      t.same([theirs.statusCode, nobodys.statusCode], [201, 201]);
      t.same({ ...theirs.json(), name: '' }, { ...nobodys.json(), name: '' });
      for (const name of ['inbox', 'nowhere']) await api.registry.tasks.delete(stranger.id, name);
      return;
    }
    t.same(answer(theirs), answer(nobodys));
    // Tenants themselves are the operator's alone.
    t.equal(theirs.statusCode, one.path.includes('{tenant}') ? 403 : 404);
  });

  t.test(`${title}: naming the other tenant in a header helps nobody`, async (t) => {
    const theirs = await call(one, existing, { key: stranger.all, tenant: owner.id });
    const nobodys = await call(one, existing, { key: stranger.all, tenant: `ten_${zeros}` });
    t.match(problemOf(theirs), { status: 404, code: 'tenant_not_found' });
    t.same(answer(theirs), answer(nobodys));
  });
}

t.test('the same task and user names belong to each tenant by itself', async (t) => {
  await api.registry.tasks.put(stranger.id, 'inbox', {}, { base: 'test-base' });
  const model = await api.call('GET', '/v1/tasks/inbox/users/ada/model', { key: stranger.all });
  t.match(problemOf(model), { status: 404, code: 'user_not_found' });
  const payload = { inputs: ['x'] };
  const predict = await api.call('POST', '/v1/tasks/inbox/users/ada/predict', { key: stranger.all, payload });
  t.match(problemOf(predict), { status: 409, code: 'model_not_trained' });
  t.same(api.engine.asked, [], 'the engine was never asked');
  await api.registry.tasks.delete(stranger.id, 'inbox');
});

t.test('no list shows anything of another tenant', async (t) => {
  for (const one of inTenant.filter(({ path, method }) => method === 'GET' && !path.includes('{'))) {
    const response = await call(one, {}, { key: stranger.all });
    t.notMatch(response.body, owner.id, one.path);
    t.notMatch(response.body, job.id, one.path);
    t.notMatch(response.body, webhook.id, one.path);
    // Its own log names the task of its own that it made under this name, above.
    if (one.path !== '/v1/audit') t.notMatch(response.body, 'inbox', one.path);
  }
});

t.test('after all of that the owner has everything as before', async (t) => {
  t.equal(await api.registry.examples.count(ref), 4);
  t.match(await api.registry.models.get(ref), { versions: 2, live: { version: 2 } });
  t.equal((await api.registry.jobs.get(owner.id, job.id)).state, 'queued');
  t.equal((await api.registry.webhooks.list(owner.id)).data.length, 1);
  t.equal((await api.registry.keys.list(owner.id)).data.length, 4);
});

for (const one of naming.filter(({ path, method }) => method === 'GET' && !/tenant|deliveries/.test(path))) {
  t.test(`${one.method} ${one.path}: an operator reaches it only under its tenant`, async (t) => {
    const right = await call(one, existing, { key: api.operator, tenant: owner.id });
    t.equal(right.statusCode, 200, right.body);
    const wrong = await call(one, existing, { key: api.operator, tenant: stranger.id });
    t.equal(wrong.statusCode, 404);
  });
}
