import { limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';

t.test('a body over the limit is refused in either form, and nothing is stored', async (t) => {
  const line = `${JSON.stringify({ input: 'x'.repeat(19_000), label: 'like' })}\n`;
  const headers = { 'content-type': 'application/x-ndjson' };
  const lines = line.repeat(Math.ceil(limits.bodyBytes / line.length));
  const streamed = await api.call('POST', path, { key: tenant.train, headers, payload: lines });
  t.match(problemOf(streamed), { status: 413, code: 'payload_too_large' });

  const payload = { examples: [{ input: 'x'.repeat(limits.bodyBytes), label: 'like' }] };
  const whole = await api.call('POST', path, { key: tenant.train, payload });
  t.match(problemOf(whole), { status: 413, code: 'payload_too_large' });
  t.equal(await api.registry.examples.count({ tenantId: tenant.id, task: 'inbox', user: 'ada' }), 0);
});
