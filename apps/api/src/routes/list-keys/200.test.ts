import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
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
