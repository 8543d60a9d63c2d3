import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
const key = tenant.train;
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
const model = '/v1/tasks/inbox/users/ada';
for (let count = 0; count < 3; count += 1) await api.publish(ref);

t.test('POST …/promote: 200', async (t) => {
  const response = await api.call('POST', `${model}/promote`, { key, payload: { version: 2 } });
  t.equal(response.statusCode, 200, response.body);
  t.match(response.json(), {
    live: { version: 2 },
    history: [{ version: 2, reason: 'promotion', by: /^key_/ }],
  });
});

t.test('POST …/promote: 400 and 404', async (t) => {
  const none = await api.call('POST', `${model}/promote`, { key, payload: {} });
  t.match(problemOf(none), { status: 400, code: 'invalid_request' });
  const missing = await api.call('POST', `${model}/promote`, { key, payload: { version: 9 } });
  t.match(problemOf(missing), { status: 404, code: 'version_not_found' });
  const nobody = '/v1/tasks/inbox/users/nobody/promote';
  t.match(problemOf(await api.call('POST', nobody, { key, payload: { version: 1 } })), {
    code: 'user_not_found',
  });
});

t.test('PUT and DELETE …/versions/:version/pin: 200, 404', async (t) => {
  const url = `${model}/versions/1/pin`;
  for (let count = 0; count < 2; count += 1) {
    const pinned = await api.call('PUT', url, { key });
    t.match(pinned.json(), { version: 1, pinned: true }, pinned.body);
  }
  const read = await api.call('GET', `${model}/versions/1`, { key });
  t.equal(read.json().pinned, true);
  for (let count = 0; count < 2; count += 1) {
    const unpinned = await api.call('DELETE', url, { key });
    t.equal(unpinned.statusCode, 200, unpinned.body);
    t.notOk('pinned' in unpinned.json());
  }
  const missing = await api.call('PUT', `${model}/versions/9/pin`, { key });
  t.match(problemOf(missing), { status: 404, code: 'version_not_found' });
});

t.test('POST …/collect: 200, by the policy that the task was put with', async (t) => {
  const retention = { lastVersions: 1, liveDays: 0 };
  const put = await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: { retention } });
  t.same(put.json().retention, retention, put.body);
  api.time.now += 86_400_000;
  const response = await api.call('POST', `${model}/collect`, { key });
  t.equal(response.statusCode, 200, response.body);
  t.same(response.json(), { removed: [1], leftovers: 0, kept: 2 }, 'the newest and the live one stay');
});

t.test('PUT /v1/tasks/:task: 400 for a policy that keeps nothing', async (t) => {
  const payload = { retention: { lastVersions: 0, liveDays: 0 } };
  const response = await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload });
  t.match(problemOf(response), { status: 400, code: 'invalid_request' });
});

t.test('no prediction fails while versions are switched and collected', async (t) => {
  let switching = true;
  const predicting = (async () => {
    const codes: number[] = [];
    const payload = { inputs: ['x'] };
    while (switching) {
      codes.push((await api.call('POST', `${model}/predict`, { key: tenant.predict, payload })).statusCode);
    }
    return codes;
  })();
  for (let round = 0; round < 15; round += 1) {
    const { version } = await api.publish(ref);
    const back = version - (round % 2);
    const answers = [
      await api.call('POST', `${model}/promote`, { key, payload: { version: back } }),
      await api.call('POST', `${model}/collect`, { key }),
      await api.call('POST', `${model}/rollback`, { key }),
    ];
    t.same(
      answers.map(({ statusCode }) => statusCode),
      [200, 200, 200],
    );
  }
  switching = false;
  const codes = await predicting;
  t.ok(codes.length > 15);
  t.same([...new Set(codes)], [200]);
});
