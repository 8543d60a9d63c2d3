import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Overview, ProcessCache } from '@scion/contracts';
import { createMeter } from '@scion/meter';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { sampleBacklog } from '../../overview/read-backlog.js';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis, settings: { overviewMs: 1 } });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

t.test('GET /v1/system/overview: 200: what the routes did shows in the series', async (t) => {
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(ref, [
    { input: 'x', label: 'like' },
    { input: 'x', label: 'like' },
    { input: 'x', label: 'hide' },
    { input: 'x', label: 'hide' },
  ]);
  await api.publish(ref);
  const predict = '/v1/tasks/inbox/users/ada/predict';
  await api.call('POST', predict, { key: tenant.all, payload: { inputs: ['a', 'b'] } });
  const created = await api.call('POST', '/v1/jobs', {
    key: tenant.all,
    payload: { task: 'inbox', user: 'ada' },
  });
  t.equal(created.statusCode, 202, created.body);
  api.time.now += 400_000;
  await sampleBacklog({ queue: api.queue, meter: api.meter, everyMs: 60_000 });
  await sampleBacklog({
    queue: api.queue,
    meter: { ...api.meter, waiting: () => t.fail('not its turn') },
    everyMs: 1,
  });
  await api.meter.flush();
  const response = await api.call('GET', '/v1/system/overview', { key: api.operator });
  t.equal(response.statusCode, 200, response.body);
  const overview: Overview = response.json();
  t.equal(overview.totals.predictedRows, 2);
  t.equal(overview.queue.waiting.at(-1), 1);
  t.match(overview.queue.tenants, [{ tenantId: tenant.id }]);
  t.match(overview.now, { queue: { waiting: 1, oldestWaitSeconds: 400 }, apis: 1, workers: [] });
  t.match(
    overview.alerts.map(({ code }) => code),
    ['no_workers', 'queue_slow'],
  );
  t.notMatch(response.body, 'ada');
});

t.test('GET /v1/system/overview: 400: a range that ends before it starts', async (t) => {
  const query = 'from=2026-11-23T20:00:00.000Z&to=2026-11-23T19:00:00.000Z';
  const response = await api.call('GET', `/v1/system/overview?${query}`, {
    key: api.operator,
    headers: { accept: 'text/event-stream' },
  });
  t.match(problemOf(response), { status: 400, errors: [{ path: 'query/from' }] });
});

t.test('GET /v1/system/overview: 403: it is the operator’s alone', async (t) => {
  t.equal((await api.call('GET', '/v1/system/overview', { key: tenant.all })).statusCode, 403);
});

t.test(
  'GET /v1/system/overview: 200: as a stream it comes again and again, until the reader leaves',
  async (t) => {
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = api.app.server.address() as AddressInfo;
    const headers = { authorization: `Bearer ${api.operator}`, accept: 'text/event-stream' };
    const request = get({ host: '127.0.0.1', port, path: '/v1/system/overview', headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    t.match(response.headers['content-type'], /^text\/event-stream/);
    let text = '';
    for await (const chunk of response) {
      text += chunk;
      if (text.split('event: overview\n').length > 3) break;
    }
    const [, first] = /data: (.+)\n\n/.exec(text) ?? [];
    t.equal((JSON.parse(first!) as Overview).totals.predictedRows, 2);
  },
);

t.test('GET /v1/system/overview: 200: a stream ends with its key, and with its session', async (t) => {
  const { port } = api.app.server.address() as AddressInfo;
  /** Ends what the stream was opened with once it has begun, and counts what still came. */
  const afterTheEnd = async (headers: Record<string, string>, end: () => Promise<unknown>) => {
    const accept = 'text/event-stream';
    const request = get({
      host: '127.0.0.1',
      port,
      path: '/v1/system/overview',
      headers: { accept, ...headers },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    t.equal(response.statusCode, 200);
    let [ended, chunks] = [false, 0];
    for await (const _ of response) {
      if (!ended) await end();
      ended = true;
      chunks += 1;
      if (chunks > 200) break;
    }
    return chunks;
  };
  const make = () => api.registry.keys.create(null, { name: 'board', scopes: ['read'] });
  const key = await make();
  const deleted = await afterTheEnd({ authorization: `Bearer ${key.secret}` }, () =>
    api.registry.keys.delete(null, key.id),
  );
  t.ok(deleted <= 200, 'of a deleted key');
  const { secret } = await make();
  const session = await api.call('POST', '/v1/session', { key: secret });
  const cookie = String(session.headers['set-cookie']).split(';')[0]!;
  const signedOut = await afterTheEnd({ cookie }, () =>
    api.call('DELETE', '/v1/session', { headers: { cookie, 'scion-csrf': session.json().csrfToken } }),
  );
  t.ok(signedOut <= 200, 'of a session that was signed out');
});

t.test('GET /v1/system/caches: 200: what is in memory, of every process that lives', async (t) => {
  const resident = [{ tenantId: tenant.id, task: 'inbox', user: 'ada', version: 1, bytes: 7_000 }];
  const cache = { bytes: 7_000, budgetBytes: 8_000, entries: 1, hits: 3, misses: 1, resident };
  const other = createMeter({
    ...{ redis: api.redis, clock: () => api.time.now, flushMs: 0, onError: t.error },
    describe: () => ({ kind: 'api', cache }),
  });
  await other.flush();
  await api.meter.flush();
  const caches = async () => {
    const response = await api.call('GET', '/v1/system/caches', { key: api.operator });
    t.equal(response.statusCode, 200, response.body);
    return response.json().data as ProcessCache[];
  };
  const both = await caches();
  t.equal(both.length, 2);
  t.match(
    both.filter((one) => one.entries > 0),
    [{ process: String, ...cache }],
  );
  await other.close();
  t.equal((await caches()).length, 1, 'one that has left is gone');
  const own = await api.call('GET', '/v1/system/caches', { key: tenant.all });
  t.match(problemOf(own), { status: 403, code: 'scope_missing' });
});
