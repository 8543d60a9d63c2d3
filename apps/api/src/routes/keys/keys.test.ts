import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/keys: 201', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a key works at once, and its secret is told this once', async (t) => {
    const response = await api.call('POST', '/v1/keys', {
      key: tenant.admin,
      payload: { name: 'backend', scopes: ['train'] },
    });
    t.equal(response.statusCode, 201, response.body);
    t.equal(response.headers['cache-control'], 'no-store');
    const { secret, ...key } = response.json();
    t.match(secret, /^scion_/);
    t.match(key, { tenantId: tenant.id, scopes: ['train'], expiresAt: null });
    t.equal((await api.call('GET', '/v1/jobs', { key: secret })).statusCode, 200);
    const list = await api.call('GET', '/v1/keys', { key: tenant.admin });
    t.notMatch(list.body, secret.slice(-20), 'no list shows it again');
  });

  t.test('an operator makes the first key of the tenant it names', async (t) => {
    const payload = { name: 'first', scopes: ['admin'] };
    const response = await api.call('POST', '/v1/keys', { key: api.operator, tenant: tenant.id, payload });
    t.equal(response.json().tenantId, tenant.id);
  });

  t.test('an operator that names none makes another operator key', async (t) => {
    const payload = { name: 'second operator', scopes: ['admin'] };
    const response = await api.call('POST', '/v1/keys', { key: api.operator, payload });
    t.equal(response.json().tenantId, null);
    const { secret } = response.json();
    t.equal((await api.call('GET', '/v1/tenants', { key: secret })).statusCode, 200);
  });

  t.test('a key stops working when it expires', async (t) => {
    const expiresAt = new Date(api.time.now + 60_000).toISOString();
    const payload = { name: 'short', scopes: ['train'], expiresAt };
    const { secret } = (await api.call('POST', '/v1/keys', { key: tenant.admin, payload })).json();
    t.equal((await api.call('GET', '/v1/jobs', { key: secret })).statusCode, 200);
    api.time.now += 60_000;
    t.equal((await api.call('GET', '/v1/jobs', { key: secret })).statusCode, 401);
  });
});

t.test('POST /v1/keys: 400', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  const post = (payload: object) => api.call('POST', '/v1/keys', { key: tenant.admin, payload });

  t.test('a key that would be born expired is refused', async (t) => {
    const expiresAt = new Date(api.time.now).toISOString();
    const response = await post({ name: 'late', scopes: ['train'], expiresAt });
    t.match(problemOf(response), { status: 400, errors: [{ path: '/expiresAt' }] });
  });

  t.test('every fault is listed with its pointer', async (t) => {
    const response = await post({ scopes: ['train', 'root'], expiresAt: 'soon', admin: true });
    const paths = problemOf(response).errors?.map(({ path }) => path);
    t.same(paths?.sort(), ['/admin', '/expiresAt', '/name', '/scopes/1']);
  });
});

t.test('GET /v1/keys: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a tenant sees its own keys, without secrets or hashes', async (t) => {
    const other = await api.createTenant('other');
    const response = await api.call('GET', '/v1/keys', { key: tenant.admin });
    t.equal(response.statusCode, 200);
    const { data } = response.json();
    t.equal(data.length, 4);
    for (const key of data) {
      t.equal(key.tenantId, tenant.id);
      const shown = ['createdAt', 'expiresAt', 'id', 'lastUsedAt', 'name', 'scopes', 'start', 'tenantId'];
      t.same(Object.keys(key).sort(), shown);
    }
    t.notMatch(response.body, other.id);
  });
});

t.test('DELETE /v1/keys/:key: 204', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a deleted key stops working at once', async (t) => {
    const { id, secret } = await api.registry.keys.create(tenant.id, { name: 'x', scopes: ['train'] });
    t.equal((await api.call('GET', '/v1/jobs', { key: secret })).statusCode, 200);
    const response = await api.call('DELETE', `/v1/keys/${id}`, { key: tenant.admin });
    t.equal(response.statusCode, 204);
    t.equal(response.body, '');
    t.equal((await api.call('GET', '/v1/jobs', { key: secret })).statusCode, 401);
    t.equal((await api.call('DELETE', `/v1/keys/${id}`, { key: tenant.admin })).statusCode, 404);
  });

  t.test('a tenant cannot delete an operator key', async (t) => {
    const [operatorKey] = (await api.registry.keys.list(null)).data;
    const response = await api.call('DELETE', `/v1/keys/${operatorKey?.id}`, { key: tenant.admin });
    t.equal(response.statusCode, 404);
  });
});

t.test('POST /v1/keys/:key/rotate: 201', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const create = async () => {
    const payload = { name: 'backend', scopes: ['train'] };
    return (await api.call('POST', '/v1/keys', { key: tenant.admin, payload })).json();
  };
  const status = async (key: string) => (await api.call('GET', '/v1/jobs', { key })).statusCode;

  t.test('both keys work during the overlap, only the new one after it', async (t) => {
    const old = await create();
    const response = await api.call('POST', `/v1/keys/${old.id}/rotate`, {
      key: tenant.admin,
      payload: { overlapSeconds: 60 },
    });
    t.equal(response.statusCode, 201, response.body);
    t.equal(response.headers['cache-control'], 'no-store');
    const made = response.json();
    t.match(made, { name: 'backend', scopes: ['train'], expiresAt: null, tenantId: tenant.id });
    t.not(made.secret, old.secret);
    t.same([await status(old.secret), await status(made.secret)], [200, 200]);
    const shown = await api.call('GET', `/v1/keys/${old.id}`, { key: tenant.admin });
    t.match(shown.json(), { replacedBy: made.id, expiresAt: /T/ });
    const again = await api.call('POST', `/v1/keys/${old.id}/rotate`, { key: tenant.admin, payload: {} });
    t.match(problemOf(again), { status: 409, code: 'key_replaced' });
    api.time.now += 60_000;
    t.same([await status(old.secret), await status(made.secret)], [401, 200]);
  });

  t.test('without a body the old key works for a day, but never beyond its own end', async (t) => {
    const old = await create();
    await api.call('POST', `/v1/keys/${old.id}/rotate`, { key: tenant.admin });
    const { expiresAt } = (await api.call('GET', `/v1/keys/${old.id}`, { key: tenant.admin })).json();
    t.equal(Date.parse(expiresAt), api.time.now + 86_400_000);
    const soon = new Date(api.time.now + 1_000).toISOString();
    const payload = { name: 'short', scopes: ['train'], expiresAt: soon };
    const short = (await api.call('POST', '/v1/keys', { key: tenant.admin, payload })).json();
    const made = (await api.call('POST', `/v1/keys/${short.id}/rotate`, { key: tenant.admin })).json();
    t.equal(made.expiresAt, soon);
    t.equal((await api.call('GET', `/v1/keys/${short.id}`, { key: tenant.admin })).json().expiresAt, soon);
  });

  t.test('a key that is named in the environment works again after it was rotated', async (t) => {
    const secret = `scion_${'r'.repeat(40)}`;
    const { key } = await api.registry.keys.ensureOperatorKey(secret);
    await api.registry.keys.rotate(null, key.id, { overlapSeconds: 0 });
    t.equal((await api.call('GET', '/v1/tenants', { key: secret })).statusCode, 401);
    await api.registry.keys.ensureOperatorKey(secret);
    t.equal((await api.call('GET', '/v1/tenants', { key: secret })).statusCode, 200);
  });
});

t.test('GET /v1/keys/:key: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const { id, start, secret } = (
    await api.call('POST', '/v1/keys', { key: tenant.admin, payload: { name: 'k', scopes: ['train'] } })
  ).json();
  const shown = async () => (await api.call('GET', `/v1/keys/${id}`, { key: tenant.admin })).json();
  /** Notes of a use are written behind a request's back; this waits for one. */
  const used = async (at: number) => {
    for (;;) {
      const { lastUsedAt } = await shown();
      if (lastUsedAt !== null && Date.parse(lastUsedAt) >= at) return Date.parse(lastUsedAt);
      await new Promise(setImmediate);
    }
  };

  t.test('it shows how the secret begins and when it was last used, to a minute', async (t) => {
    t.ok(secret.startsWith(start) && start.length === 10);
    t.equal((await shown()).lastUsedAt, null);
    await api.call('GET', '/v1/jobs', { key: secret });
    const first = api.time.now;
    t.equal(await used(first), first);
    api.time.now += 59_000;
    await api.call('GET', '/v1/jobs', { key: secret });
    t.equal(await used(first), first);
    api.time.now += 2_000;
    await api.call('GET', '/v1/jobs', { key: secret });
    t.equal(await used(api.time.now), api.time.now);
  });

  t.test('after a loss of Redis it is known to an hour', async (t) => {
    const before = await used(0);
    await redis.flush();
    await api.registry.ensureIndexed();
    const after = Date.parse((await shown()).lastUsedAt);
    t.ok(after <= before && after > before - 3_600_000);
  });
});
