import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('while the event loop lags, /v1 is refused and health still answers', async (t) => {
  const api = await startTestApi(t, { redis, settings: { maxEventLoopDelayMs: 1 } });
  const list = () => api.call('GET', '/v1/tasks', { key: api.operator });
  let refused = await list();
  // The guard looks once a second, at what has been since it last looked.
  while (refused.statusCode !== 429) {
    const until = performance.now() + 300;
    while (performance.now() < until);
    await sleep(1);
    refused = await list();
  }
  t.match(problemOf(refused), { code: 'overloaded' });
  t.ok(refused.headers['retry-after']);
  t.equal((await api.call('GET', '/health/live')).statusCode, 200);
  t.equal((await api.call('GET', '/metrics')).statusCode, 200);
});
