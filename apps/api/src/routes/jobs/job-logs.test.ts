import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

t.test('a job shows what workers told of it, oldest first', async (t) => {
  const { job } = await api.registry.jobs.create(ref);
  const url = `/v1/jobs/${job.id}/logs`;
  t.same((await api.call('GET', url, { key: tenant.train })).json(), { data: [], nextCursor: null });
  const line = { at: '2026-01-01T00:00:00.000Z', level: 'info', attempt: 1 } as const;
  await api.queue.logs.append(job.id, { ...line, message: 'training attempt started', fields: {} });
  await api.queue.logs.append(job.id, { ...line, message: 'examples read', fields: { examples: 12 } });
  const { data } = (await api.call('GET', url, { key: tenant.train })).json();
  t.match(data, [{ message: 'training attempt started' }, { fields: { examples: 12 } }]);
});

t.test('a job that is not there has no log', async (t) => {
  const response = await api.call('GET', `/v1/jobs/job_${'0'.repeat(26)}/logs`, { key: tenant.train });
  t.match(problemOf(response), { status: 404, code: 'job_not_found' });
});
