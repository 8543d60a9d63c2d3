import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const dashboardDir = await mkdtemp(join(tmpdir(), 'scion-dashboard-'));
t.teardown(() => rm(dashboardDir, { recursive: true }));
await mkdir(join(dashboardDir, 'assets'));
await writeFile(join(dashboardDir, 'index.html'), '<!doctype html><title>Scion</title>');
await writeFile(join(dashboardDir, 'assets/main-1a2b3c.js'), 'export {};');

t.test('the dashboard is served at /, its hashed files for good, and the API beside it', async (t) => {
  const api = await startTestApi(t, { redis, settings: { dashboardDir } });
  const page = await api.call('GET', '/');
  t.equal(page.statusCode, 200);
  t.match(page.headers['content-type'], 'text/html');
  t.equal(page.headers['cache-control'], 'no-cache');
  t.notMatch(page.headers['content-security-policy'], /unsafe/);
  const script = await api.call('GET', '/assets/main-1a2b3c.js');
  t.match(script.headers['cache-control'], 'immutable');
  t.match(problemOf(await api.call('GET', '/assets/other.js')), { status: 404 });
  t.match(problemOf(await api.call('GET', '/..%2f..%2fetc/passwd')), { status: 404 });
  t.match(problemOf(await api.call('GET', '/v1/tasks')), { status: 401 });
});

t.test('without a built dashboard there is none', async (t) => {
  const api = await startTestApi(t, { redis });
  t.match(problemOf(await api.call('GET', '/')), { status: 404, code: 'route_not_found' });
});
