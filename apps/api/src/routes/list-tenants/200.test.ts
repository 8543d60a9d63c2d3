import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
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
