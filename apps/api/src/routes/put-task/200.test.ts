import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();

const put = (payload: object) => api.call('PUT', '/v1/tasks/inbox-triage', { key: tenant.admin, payload });

t.test('the first put creates, with every default filled in', async (t) => {
  const response = await put({});
  t.equal(response.statusCode, 201, response.body);
  t.match(response.json(), {
    name: 'inbox-triage',
    kind: 'classification',
    modality: 'text',
    base: 'test-base',
    labels: null,
    minExamplesPerLabel: 2,
    untrained: 'error',
    abstainBelow: 0,
  });
});

t.test('a later put changes it', async (t) => {
  const response = await put({ labels: ['now', 'later'], untrained: 'zero-shot', abstainBelow: 0.5 });
  t.equal(response.statusCode, 200);
  t.match(response.json(), { labels: ['now', 'later'], untrained: 'zero-shot', abstainBelow: 0.5 });
});
