import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
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
