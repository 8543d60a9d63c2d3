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
      t.same(Object.keys(key).sort(), ['createdAt', 'expiresAt', 'id', 'name', 'scopes', 'tenantId']);
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
