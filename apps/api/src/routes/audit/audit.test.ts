import type { AuditEntry } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
const key = tenant.all;
const log = async (
  query = '',
  options: { key: string; tenant?: string } = { key },
): Promise<AuditEntry[]> => {
  const response = await api.call('GET', `/v1/audit${query}`, options);
  t.equal(response.statusCode, 200, response.body);
  return response.json().data;
};
/** A call a millisecond later than the one before: entries of one millisecond have no order. */
const call: typeof api.call = (...args) => {
  api.time.now += 1;
  return api.call(...args);
};
const actions = (entries: AuditEntry[]) => entries.map(({ action }) => action);

t.test('admin and destructive calls are logged with who, what and when, before their answers', async (t) => {
  await call('PUT', '/v1/tasks/inbox', { key, payload: {} });
  const headers = { 'x-request-id': 'mine' };
  const made = (
    await call('POST', '/v1/keys', { key, payload: { name: 'secret name', scopes: ['train'] } })
  ).json();
  await call('DELETE', `/v1/keys/${made.id}`, { key, headers });
  const entries = await log();
  t.same(actions(entries), ['deleteKey', 'createKey', 'putTask']);
  t.match(entries[0], {
    ...{ tenantId: tenant.id, byName: 'test', status: 204, requestId: 'mine', target: { key: made.id } },
    at: new Date(api.time.now).toISOString(),
  });
  t.match(entries[2]?.target, { task: 'inbox' });
});

t.test('no entry holds a secret, a body, or a user, so that an erasure leaves no trace in it', async (t) => {
  const user = '/v1/tasks/inbox/users/legible-user';
  await api.registry.examples.append({ tenantId: tenant.id, task: 'inbox', user: 'legible-user' }, [
    { id: 'legible-example', input: 'x', label: 'y' },
  ]);
  await call('DELETE', `${user}/examples/legible-example`, { key });
  await call('DELETE', user, { key });
  const entries = await log();
  t.same(actions(entries).slice(0, 2), ['eraseTaskUser', 'deleteExample']);
  const text = JSON.stringify(entries);
  for (const word of ['legible', 'secret', 'scion_']) t.notMatch(text, word);
});

t.test('calls that were refused to a known key are in it, up to a number an hour', async (t) => {
  await call('DELETE', `/v1/keys/key_${'0'.repeat(26)}`, { key });
  await call('DELETE', '/v1/tasks/inbox', { key: tenant.predict });
  await call('DELETE', '/v1/tasks/inbox', { key: 'scion_unknown' });
  const [scope, missing] = await log();
  t.match(scope, { action: 'deleteTask', status: 403 });
  t.match(missing, { action: 'deleteKey', status: 404 });
  t.same([scope?.target, missing?.target], [{}, {}], 'what they name is not said');
  t.not(scope?.by, missing?.by);
  const refuse = () => call('DELETE', '/v1/tasks/inbox', { key: tenant.predict });
  for (let n = 0; n < 25; n += 1) await refuse();
  const from = new Date(api.time.now - 1_000).toISOString();
  const all = await log(`?action=deleteTask&by=${scope?.by}&limit=100`);
  t.equal(all.length, 20);
  api.time.now += 3_600_000;
  await refuse();
  t.equal(
    (await log(`?action=deleteTask&from=${from}&limit=1`))[0]?.at,
    new Date(api.time.now).toISOString(),
  );
});

t.test('reading and predicting are not in it, nor is an answer given again', async (t) => {
  const before = (await log()).length;
  await api.call('GET', '/v1/keys', { key });
  await call('POST', '/v1/tasks/inbox/users/ada/predict', { key, payload: { inputs: ['x'] } });
  t.equal((await log()).length, before);
  const create = () =>
    api.call('POST', '/v1/keys', {
      key,
      payload: { name: 'once', scopes: ['train'] },
      headers: { 'idempotency-key': 'once' },
    });
  await create();
  await create();
  t.equal((await log()).length, before + 1);
});

t.test('it is filtered by action, key and time, and paged', async (t) => {
  const [newest] = await log();
  api.time.now += 60_000;
  await call('PUT', '/v1/tasks/inbox', { key, payload: { abstainBelow: 0.1 } });
  t.same(actions(await log('?action=putTask')), ['putTask', 'putTask']);
  t.equal((await log(`?by=key_${'0'.repeat(26)}`)).length, 0);
  t.ok((await log(`?by=${newest?.by}`)).length > 3);
  t.same(actions(await log(`?from=${new Date(api.time.now - 1).toISOString()}`)), ['putTask']);
  const all = await log();
  const paged: AuditEntry[] = [];
  for (let cursor = ''; ; ) {
    const page = (await api.call('GET', `/v1/audit?limit=2${cursor}`, { key })).json();
    paged.push(...page.data);
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  t.same(paged, all);
});

t.test('what operators do to a tenant stands in its log; what concerns none in their own', async (t) => {
  await call('POST', '/v1/tenants', { key: api.operator, payload: { name: 'new' } });
  const options = { key: api.operator, tenant: tenant.id };
  await call('PUT', '/v1/tasks/by-operator', { ...options, payload: {} });
  t.same(actions(await log('', { key: api.operator })), ['createTenant']);
  t.match(await log('?action=putTask', options), [{ byName: 'operator', target: { task: 'by-operator' } }]);
});

t.test('after a loss of Redis it is whole', async (t) => {
  const before = await log();
  await redis.flush();
  t.same(await log(), before);
});
