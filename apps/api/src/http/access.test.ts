import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../testing/test-api.js';
import { accessOf, accessTable } from './access.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

/** A path that fits a route, naming things that do not exist. */
const fill = (url: string): string =>
  url.replace(/:(\w+)/g, (_, name: string) => {
    const prefix = { tenant: 'ten', key: 'key', job: 'job', webhook: 'whk' }[name];
    if (prefix) return `${prefix}_${'0'.repeat(26)}`;
    return name === 'version' ? '1' : name;
  });

for (const [route, access] of Object.entries(accessTable)) {
  const [method, url] = route.split(' ') as ['GET', string];
  const path = fill(url);

  t.test(`${route} needs a key`, async (t) => {
    const none = await api.call(method, path);
    t.match(problemOf(none), { status: 401, code: 'unauthenticated' });
    t.match(none.headers['www-authenticate'], /^Bearer/);
    const unknown = await api.call(method, path, { key: `scion_${'x'.repeat(40)}` });
    t.match(problemOf(unknown), { status: 401, code: 'unauthenticated' });
  });

  t.test(`${route} takes ${access} and refuses every other scope`, async (t) => {
    for (const scope of ['admin', 'train', 'predict'] as const) {
      const response = await api.call(method, path, { key: tenant[scope] });
      const refused = access !== 'any' && access !== scope;
      t.equal(response.statusCode === 403, refused, `${scope}: ${response.statusCode}`);
      if (refused) t.match(problemOf(response), { code: 'scope_missing' });
      else t.not(response.statusCode, 500);
    }
  });
}

t.test('a credential of another form is no key', async (t) => {
  for (const authorization of ['', 'Bearer', 'Basic dTpw', tenant.all, `Bearer ${tenant.all} x`]) {
    const response = await api.call('GET', '/v1/tasks', { headers: { authorization } });
    t.equal(response.statusCode, 401, JSON.stringify(authorization));
  }
  const lower = await api.call('GET', '/v1/tasks', { headers: { authorization: `bearer ${tenant.all}` } });
  t.equal(lower.statusCode, 200, 'the scheme is case-insensitive');
});

t.test('an operator names the tenant; without one, what belongs to a tenant is refused', async (t) => {
  const named = await api.call('GET', '/v1/tasks', { key: api.operator, tenant: tenant.id });
  t.equal(named.statusCode, 200);
  const unnamed = await api.call('GET', '/v1/tasks', { key: api.operator });
  t.match(problemOf(unnamed), { status: 400, errors: [{ path: 'header/scion-tenant' }] });
  for (const other of [`ten_${'0'.repeat(26)}`, 'nonsense', '../x', '']) {
    const response = await api.call('GET', '/v1/tasks', { key: api.operator, tenant: other });
    t.match(problemOf(response), { status: 404, code: 'tenant_not_found' });
  }
});

t.test('a route below /v1 that the table leaves out cannot be public by oversight', async (t) => {
  t.throws(() => accessOf('GET', '/v1/secrets'), /missing in the access table/);
  t.equal(accessOf('GET', '/health/live'), 'public');
});
