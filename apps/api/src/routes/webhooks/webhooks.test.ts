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

t.test('POST /v1/webhooks/:webhook/rotate-secret: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const { id, secret } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
  const response = await api.call('POST', `/v1/webhooks/${id}/rotate-secret`, { key: tenant.admin });
  t.equal(response.statusCode, 200, response.body);
  const rotated = response.json();
  t.match(rotated, { id, secret: /^whsec_/, previousSecretUntil: '2026-11-24T20:15:00.000Z' });
  t.not(rotated.secret, secret);
  t.equal(response.headers['cache-control'], 'no-store');
  t.same((await api.registry.webhooks.getToSend(tenant.id, id)).secrets, [rotated.secret, secret]);
  const too = await api.call('POST', `/v1/webhooks/${id}/rotate-secret`, {
    ...{ key: tenant.admin, payload: { overlapSeconds: 604_801 } },
  });
  t.match(problemOf(too), { status: 400, code: 'invalid_request' });
});

t.test('a disabled webhook says so, and can be enabled', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const { id } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
  await api.registry.webhooks.disable(tenant.id, id, 'The endpoint answered 410 Gone.');
  const get = await api.call('GET', `/v1/webhooks/${id}`, { key: tenant.admin });
  t.match(get.json(), { state: 'disabled', disabledReason: 'The endpoint answered 410 Gone.' });
  const response = await api.call('POST', `/v1/webhooks/${id}/enable`, { key: tenant.admin });
  t.equal(response.statusCode, 200, response.body);
  t.match(response.json(), { state: 'enabled', disabledReason: null, disabledAt: null });
});

t.test('pings and replays are ordered: 202', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const { id } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
  const ran: string[] = [];
  let arrived = (): void => {};
  const ping = await api.call('POST', `/v1/webhooks/${id}/ping`, { key: tenant.admin });
  t.equal(ping.statusCode, 202, ping.body);
  t.match(ping.json(), { type: 'ping', eventId: /^evt_/ });

  const ids = createIds(() => api.time.now);
  const [eventId, delivery] = [ids('event'), ids('delivery')];
  await api.registry.webhooks.appendDelivery(tenant.id, id, {
    ...{ id: delivery, eventId, type: 'quota.exceeded', attempt: 16, ok: false, status: 500, latencyMs: 1 },
    ...{ error: 'http_status', at: new Date(api.time.now).toISOString() },
  });
  const url = `/v1/webhooks/${id}/deliveries/${delivery}/replay`;
  const replay = await api.call('POST', url, { key: tenant.admin });
  t.equal(replay.statusCode, 202, replay.body);
  t.same(replay.json(), { eventId, type: 'quota.exceeded' });
  const both = new Promise<void>((done) => {
    arrived = done;
  });
  const consumer = await api.queue.processDeliveries(
    async (order) => {
      ran.push(order.eventId);
      if (ran.length === 2) arrived();
    },
    { concurrency: 1 },
  );
  t.teardown(() => consumer.close({ graceMs: 0 }));
  await both;
  t.same(ran.sort(), [ping.json().eventId, eventId].sort());
  const unknown = await api.call('POST', url.replace(delivery, ids('delivery')), { key: tenant.admin });
  t.match(problemOf(unknown), { status: 404, code: 'delivery_not_found' });
});

t.test('a replay to a disabled webhook is refused, since nothing would be sent: 409', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const { id } = await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
  const ids = createIds(() => api.time.now);
  const replay = async (type: 'user.erased' | 'ping') => {
    const delivery = ids('delivery');
    await api.registry.webhooks.appendDelivery(tenant.id, id, {
      ...{ id: delivery, eventId: ids('event'), type, attempt: 1, ok: false, status: 410, latencyMs: 1 },
      ...{ error: 'http_status', at: new Date(api.time.now).toISOString() },
    });
    return api.call('POST', `/v1/webhooks/${id}/deliveries/${delivery}/replay`, { key: tenant.admin });
  };
  await api.registry.webhooks.disable(tenant.id, id, 'The endpoint answered 410 Gone.');
  t.match(problemOf(await replay('user.erased')), { status: 409, code: 'webhook_disabled' });
  t.equal((await replay('ping')).statusCode, 202, 'a ping is sent to a disabled one too');
  await api.registry.webhooks.enable(tenant.id, id);
  t.equal((await replay('user.erased')).statusCode, 202);
});

t.test('switches, erasures and their repetitions are announced under one event id each', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  await api.registry.webhooks.create(tenant.id, { url: 'https://example.com' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'Ada' };
  await api.publish(ref);
  await api.publish(ref);
  const told: string[] = [];
  const consumer = await api.queue.processDeliveries(
    async ({ eventId, type }) => void told.push(`${type} ${eventId}`),
    { concurrency: 1 },
  );
  t.teardown(() => consumer.close({ graceMs: 0 }));
  const model = '/v1/tasks/inbox/users/Ada';
  await api.call('POST', `${model}/rollback`, { key: tenant.all, payload: { version: 1 } });
  await api.call('POST', `${model}/rollback`, { key: tenant.all, payload: { version: 1 } });
  await api.call('POST', `${model}/promote`, { key: tenant.all, payload: { version: 2 } });
  const { data } = await api.registry.events.list(tenant.id);
  t.match(data.map(({ type }) => type).sort(), ['model.promoted', 'model.rolled_back']);
  await api.call('DELETE', '/v1/users/Ada', { key: tenant.all });
  const [erased, ...rest] = (await api.registry.events.list(tenant.id)).data;
  t.same(rest, [], 'what was about the user went with it');
  t.match(erased, { type: 'user.erased', data: { tasks: ['inbox'], objects: Number } });
  t.notMatch(JSON.stringify(erased), 'Ada');
  while (!told.some((one) => one.startsWith('user.erased'))) await new Promise(setImmediate);
  t.equal(new Set(told).size, 3);
});
