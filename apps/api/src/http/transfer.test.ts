import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
const key = tenant.all;
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
await api.registry.examples.append(
  ref,
  Array.from({ length: 80 }, (_, at) => ({ id: `${at}`, input: `a text that repeats ${at}`, label: 'like' })),
);
const list = '/v1/tasks/inbox/users/ada/examples';

t.test('a read is answered 304 while nothing has changed, and anew once it has', async (t) => {
  const first = await api.call('GET', '/v1/tasks/inbox', { key });
  const tag = String(first.headers.etag);
  t.match(tag, /^W\/"[\w-]{22}"$/);
  t.equal(first.headers['cache-control'], 'private, no-cache');
  for (const given of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
    const again = await api.call('GET', '/v1/tasks/inbox', { key, headers: { 'if-none-match': given } });
    t.equal(again.statusCode, 304, given);
    t.equal(again.body, '');
    t.equal(again.headers.etag, tag);
  }
  const other = await api.call('GET', '/v1/tasks/inbox', { key, headers: { 'if-none-match': '"other"' } });
  t.equal(other.statusCode, 200);
  api.time.now += 2_000;
  await api.call('PUT', '/v1/tasks/inbox', { key, payload: { abstainBelow: 0.5 } });
  const changed = await api.call('GET', '/v1/tasks/inbox', { key, headers: { 'if-none-match': tag } });
  t.equal(changed.statusCode, 200);
  t.equal(changed.json().abstainBelow, 0.5);
});

t.test('a tag gives nobody an answer that is not theirs', async (t) => {
  const { headers } = await api.call('GET', '/v1/tasks/inbox', { key });
  const stranger = await api.createTenant('stranger');
  for (const ifNoneMatch of [String(headers.etag), '*']) {
    const response = await api.call('GET', '/v1/tasks/inbox', {
      key: stranger.all,
      headers: { 'if-none-match': ifNoneMatch },
    });
    t.equal(response.statusCode, 404);
  }
});

t.test('text is compressed for who takes it, and is the same text', async (t) => {
  const plain = await api.call('GET', list, { key });
  t.equal(plain.headers['content-encoding'], undefined);
  t.equal(plain.headers.vary, 'accept-encoding');
  for (const [accepted, coding, open] of [
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0.1, gzip', 'gzip', gunzipSync],
  ] as const) {
    const response = await api.call('GET', list, { key, headers: { 'accept-encoding': accepted } });
    t.equal(response.headers['content-encoding'], coding, accepted);
    t.equal(open(response.rawPayload).toString(), plain.body);
    t.ok(response.rawPayload.length < plain.rawPayload.length / 3);
    t.equal(response.headers.etag, plain.headers.etag, 'the tag names it whatever the coding');
  }
  for (const accepted of ['identity', 'br;q=0', 'zstd']) {
    const response = await api.call('GET', list, { key, headers: { 'accept-encoding': accepted } });
    t.equal(response.headers['content-encoding'], undefined, accepted);
  }
  const small = await api.call('GET', '/v1/tasks/inbox', { key, headers: { 'accept-encoding': 'br' } });
  t.equal(small.headers['content-encoding'], undefined, 'a small answer is left alone');
});

t.test('an export is compressed as it streams; an event stream never is', async (t) => {
  const headers = { 'accept-encoding': 'br' };
  const plain = await api.call('GET', `${list}/export`, { key });
  const response = await api.call('GET', `${list}/export`, { key, headers });
  t.equal(response.headers['content-encoding'], 'br');
  t.equal(brotliDecompressSync(response.rawPayload).toString(), plain.body);

  const { job } = await api.registry.jobs.create(ref);
  await api.registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'cancelled', events: [] });
  const events = await api.call('GET', `/v1/jobs/${job.id}/events`, {
    key,
    headers: { ...headers, accept: 'text/event-stream' },
  });
  t.equal(events.headers['content-encoding'], undefined);
  t.match(events.body, 'retry:');
});
