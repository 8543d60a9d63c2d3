import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';

t.test('another media type is refused', async (t) => {
  const headers = { 'content-type': 'text/csv' };
  const response = await api.call('POST', path, { key: tenant.train, headers, payload: 'a,b' });
  t.match(problemOf(response), { status: 415, code: 'unsupported_media_type' });
});

t.test('only examples may come as NDJSON', async (t) => {
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await api.call('POST', '/v1/jobs', { key: tenant.train, headers, payload: '{}' });
  t.match(problemOf(response), { status: 415 });
});
