import { problems } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('GET /v1/system: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('an operator sees base, threads, cache and queue', async (t) => {
    const response = await api.call('GET', '/v1/system', { key: api.operator });
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json(), {
      ...{ version: '0.0.0-test', threads: 1, workers: 0 },
      base: { name: 'test-base', provider: 'cpu' },
      cache: { entries: 0, resident: [] },
      queue: { waiting: 0, active: 0, delayed: 0, failed: 0 },
    });
  });

  t.test('a tenant does not', async (t) => {
    t.equal((await api.call('GET', '/v1/system', { key: tenant.all })).statusCode, 403);
  });
});

t.test('GET /health/ready: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('it is live and ready without a key, and names each part', async (t) => {
    const response = await api.call('GET', '/health/ready');
    t.equal(response.statusCode, 200);
    t.same(response.json().checks, { redis: { ok: true }, store: { ok: true }, engine: { ok: true } });
    t.same((await api.call('GET', '/health/live')).json(), { status: 'live' });
    t.notMatch(response.body, tenant.id);
  });
});

t.test('GET /health/ready: 503', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('without Redis it is alive, not ready, and says which part is missing', async (t) => {
    await redis.kill();
    t.teardown(() => redis.restart());
    const response = await api.call('GET', '/health/ready');
    const problem = problemOf(response);
    t.match(problem, { status: 503, code: 'not_ready', detail: /redis/ });
    t.match(problem, { checks: { redis: { ok: false, reason: /.+/ }, store: { ok: true } } });
    t.notMatch(response.body, redis.path, 'no address is given away');
    t.ok(response.headers['retry-after']);
    t.equal((await api.call('GET', '/health/live')).statusCode, 200);
    t.ok(tenant.id);
  });
});

t.test('GET /problems: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('the type of every problem leads to its explanation', async (t) => {
    for (const [code, { status, title, remedy }] of Object.entries(problems)) {
      const response = await api.call('GET', `/problems/${code}`);
      t.match(response.json(), { type: `/problems/${code}`, code, status, title, remedy });
    }
    const { data } = (await api.call('GET', '/problems')).json();
    t.equal(data.length, Object.keys(problems).length);
  });

  t.test('a browser gets a page', async (t) => {
    const response = await api.call('GET', '/problems/overloaded', { headers: { accept: 'text/html' } });
    t.match(response.headers['content-type'], /^text\/html/);
    t.match(response.body, problems.overloaded.title);
  });

  t.test('no other code is explained', async (t) => {
    for (const code of ['nope', 'constructor', '__proto__']) {
      t.match(problemOf(await api.call('GET', `/problems/${code}`)), { code: 'route_not_found' });
    }
    t.ok(tenant.id);
  });
});
