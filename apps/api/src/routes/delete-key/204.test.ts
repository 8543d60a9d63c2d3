import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
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
