import { createIds, limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/webhooks: 201', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a webhook wants every event unless told, and its secret is shown this once', async (t) => {
    const payload = { url: 'https://example.com/hook' };
    const response = await api.call('POST', '/v1/webhooks', { key: tenant.admin, payload });
    t.equal(response.statusCode, 201, response.body);
    t.equal(response.headers['cache-control'], 'no-store');
    const webhook = response.json();
    t.match(webhook, { url: payload.url, events: ['job.succeeded', 'job.failed', 'job.cancelled'] });
    t.match(webhook.secret, /^whsec_/);
    const list = await api.call('GET', '/v1/webhooks', { key: tenant.admin });
    t.notMatch(list.body, 'whsec_');
  });
});

t.test('POST /v1/webhooks: 422', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('an address that may not be called is refused', async (t) => {
    const payload = { url: 'http://example.com/hook' };
    const response = await api.call('POST', '/v1/webhooks', { key: tenant.admin, payload });
    t.match(problemOf(response), { status: 422, code: 'webhook_url_refused' });
  });

  t.test('what is no URL or no event does not match the schema', async (t) => {
    const cases = [{ url: 'nowhere' }, { url: 'https://example.com', events: ['job.started'] }, {}];
    for (const payload of cases) {
      const response = await api.call('POST', '/v1/webhooks', { key: tenant.admin, payload });
      t.match(problemOf(response), { status: 400, code: 'invalid_request' });
    }
    t.same((await api.registry.webhooks.list(tenant.id)).data, []);
  });
});

t.test('GET /v1/webhooks: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a tenant sees its own webhooks, without secrets', async (t) => {
    const other = await api.createTenant('other');
    const { secret, ...webhook } = await api.registry.webhooks.create(tenant.id, {
      url: 'https://example.com',
    });
    await api.registry.webhooks.create(other.id, { url: 'https://other.example.com' });
    const response = await api.call('GET', '/v1/webhooks', { key: tenant.admin });
    t.equal(response.statusCode, 200);
    t.same(response.json(), { data: [webhook], nextCursor: null });
    t.notMatch(response.body, secret);
  });
});

t.test('DELETE /v1/webhooks/:webhook: 204', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a deleted webhook is gone with its log', async (t) => {
    const { id } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
    t.equal((await api.call('DELETE', `/v1/webhooks/${id}`, { key: tenant.admin })).statusCode, 204);
    const log = await api.call('GET', `/v1/webhooks/${id}/deliveries`, { key: tenant.admin });
    t.equal(log.statusCode, 404);
    t.equal((await api.call('DELETE', `/v1/webhooks/${id}`, { key: tenant.admin })).statusCode, 404);
  });
});

t.test('GET /v1/webhooks/:webhook/deliveries: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('attempts come newest first, with what came of them', async (t) => {
    const { id } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
    const ids = createIds(() => api.time.now);
    const eventId = ids('event');
    for (const attempt of [1, 2]) {
      const ok = attempt === 2;
      await api.registry.webhooks.appendDelivery(tenant.id, id, {
        ...{ id: ids('delivery'), eventId, type: 'job.succeeded', attempt, ok, latencyMs: 12.5 },
        ...{ status: ok ? 204 : null, error: ok ? null : 'timeout' },
        at: new Date(api.time.now).toISOString(),
      });
      api.time.now += 5_000;
    }
    const response = await api.call('GET', `/v1/webhooks/${id}/deliveries`, { key: tenant.admin });
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json().data, [
      { eventId, attempt: 2, ok: true, status: 204, error: null, latencyMs: 12.5 },
      { eventId, attempt: 1, ok: false, status: null, error: 'timeout' },
    ]);
  });
});

t.test('POST /v1/webhooks: 429', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const payload = { url: 'https://example.com/hook' };
  const post = () => api.call('POST', '/v1/webhooks', { key: tenant.admin, payload });
  for (let count = 0; count < limits.webhooksPerTenant; count += 1) t.equal((await post()).statusCode, 201);
  const response = await post();
  t.match(problemOf(response), { status: 429, code: 'quota_exceeded' });
  t.ok(response.headers['retry-after']);
});
