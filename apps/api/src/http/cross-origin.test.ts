import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const page = 'https://app.example.com';

const preflight = (origin: string) => ({
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization, content-type',
  },
});

t.test('a page of a named origin may ask and read; a page of another is not told that it may', async (t) => {
  const api = await startTestApi(t, { redis, settings: { corsOrigins: [page] } });
  const url = '/v1/tasks/feed/users/ada/predict';
  const options = (origin: string) => api.app.inject({ method: 'OPTIONS', url, ...preflight(origin) });
  const allowed = await options(page);
  t.equal(allowed.statusCode, 204);
  t.match(allowed.headers, {
    'access-control-allow-origin': page,
    'access-control-allow-methods': /POST/,
    'access-control-allow-headers': 'authorization, content-type',
    vary: 'origin',
  });
  const refused = await api.call('GET', '/v1/tasks', { headers: { origin: page } });
  t.equal(refused.statusCode, 401, 'the key is asked for all the same');
  t.equal(refused.headers['access-control-allow-origin'], page, 'and the page can read why');
  for (const response of [allowed, refused]) {
    t.notOk(response.headers['access-control-allow-credentials'], 'no cookie ever counts');
  }
  for (const origin of ['https://evil.example', 'https://app.example.com.evil.example', 'null']) {
    const other = await options(origin);
    t.notOk(other.headers['access-control-allow-origin'], origin);
    t.match(other.headers.vary, /origin/);
  }
  const outside = await api.app.inject({ url: '/health/live', headers: { origin: page } });
  t.notOk(outside.headers['access-control-allow-origin'], 'nothing but the API is opened');
});

t.test('by default no other origin may, and `*` lets all', async (t) => {
  const closed = await startTestApi(t, { redis });
  const call = { method: 'OPTIONS', url: '/v1/tasks', ...preflight(page) } as const;
  t.notOk((await closed.app.inject(call)).headers['access-control-allow-origin']);
  const open = await startTestApi(t, { redis, settings: { corsOrigins: ['*'] } });
  t.equal((await open.app.inject(call)).headers['access-control-allow-origin'], '*');
});
