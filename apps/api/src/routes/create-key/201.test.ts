import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
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
