import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/tenants: 201', async (t) => {
  const api = await startTestApi(t, { redis });

  t.test('an operator creates a tenant and is told where it is', async (t) => {
    const response = await api.call('POST', '/v1/tenants', { key: api.operator, payload: { name: 'Mail' } });
    t.equal(response.statusCode, 201, response.body);
    const tenant = response.json();
    t.equal(tenant.name, 'Mail');
    t.equal(response.headers.location, `/v1/tenants/${tenant.id}`);
    t.same(await api.registry.tenants.get(tenant.id), tenant);
  });
});

t.test('POST /v1/tenants: 400', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a name that is empty or missing is pointed at', async (t) => {
    for (const payload of [{ name: '' }, {}, { name: 7 }]) {
      const response = await api.call('POST', '/v1/tenants', { key: api.operator, payload });
      t.equal(response.statusCode, 400);
      t.match(problemOf(response), { code: 'invalid_request', errors: [{ path: '/name' }] });
    }
    t.equal((await api.registry.tenants.list()).data.length, 1, `only ${tenant.id} is there`);
  });
});

t.test('GET /v1/tenants: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('pages hold every tenant once', async (t) => {
    for (const name of ['b', 'c', 'd', 'e']) await api.createTenant(name);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: Record<string, string> = { limit: '2', ...(cursor !== null && { cursor }) };
      const response = await api.call('GET', '/v1/tenants', { key: api.operator, query });
      t.equal(response.statusCode, 200, response.body);
      const page: { data: { id: string }[]; nextCursor: string | null } = response.json();
      t.ok(page.data.length <= 2);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    t.equal(new Set(seen).size, 5);
    t.equal(seen.length, 5);
    t.ok(seen.includes(tenant.id));
  });
});

t.test('GET /v1/tenants/:tenant: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('an operator reads a tenant', async (t) => {
    const response = await api.call('GET', `/v1/tenants/${tenant.id}`, { key: api.operator });
    t.equal(response.statusCode, 200);
    t.same(response.json(), await api.registry.tenants.get(tenant.id));
  });
});
