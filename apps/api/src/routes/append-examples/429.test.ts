import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis, settings: { examplesPerModel: 3 } });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';
const post = (ids: string[]) =>
  api.call('POST', path, {
    key: tenant.train,
    payload: { examples: ids.map((id) => ({ id, input: `text ${id}`, label: 'like' })) },
  });

t.test('examples beyond the quota are refused, with the time to ask again', async (t) => {
  t.equal((await post(['1', '2'])).statusCode, 200);
  const response = await post(['3', '4']);
  t.match(problemOf(response), { status: 429, code: 'quota_exceeded' });
  t.match(response.headers['retry-after'], /^\d+$/);
});

t.test('what adds no example still passes at the quota', async (t) => {
  t.equal((await post(['3'])).statusCode, 200);
  t.match((await post(['1', '2', '3'])).json(), { duplicates: 3, total: 3 });
});
