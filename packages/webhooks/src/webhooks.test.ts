import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AppError,
  createIds,
  type Delivery,
  type Job,
  type Webhook,
  type WebhookEvent,
} from '@scion/contracts';
import { Webhook as Verifier } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { createSend, createWebhooks, type DeliveryOrder, type WebhooksOptions } from './index.js';

const tenantId = 'ten_01jd0000000000000000000000';
const job: Job = {
  id: 'job_01jd1111111111111111111111',
  tenantId,
  task: 'inbox',
  user: 'ada',
  state: 'succeeded',
  stage: 'publishing',
  progress: 1,
  attempts: 1,
  createdAt: '2026-11-23T20:00:00.000Z',
  startedAt: '2026-11-23T20:00:01.000Z',
  finishedAt: '2026-11-23T20:00:02.000Z',
  version: 3,
  gate: null,
  failure: null,
};
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** A tenant with one webhook at a real receiver that answers with `statuses` in turn, the last one for ever. */
async function setUp(t: Test, { statuses = [200] }: { statuses?: number[] } = {}) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const parts = await request.toArray();
    received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200).end('a body to ignore');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());

  const webhooks = new Map<string, Webhook & { secrets: string[] }>();
  const kept = new Map<string, WebhookEvent>();
  const time = { now: Date.now() };
  const jobs = new Map([[job.id, job]]);
  const deliveries: Delivery[] = [];
  const orders = new Map<string, DeliveryOrder>();
  const id = 'whk_01jd2222222222222222222222';
  webhooks.set(id, {
    id,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    events: ['job.succeeded'],
    createdAt: job.createdAt,
    ...{ tasks: null, state: 'enabled', disabledAt: null, disabledReason: null },
    ...{ failingSince: null, previousSecretUntil: null, secrets: [secret] },
  });
  const find = (webhookId: string) => {
    const webhook = webhooks.get(webhookId);
    if (!webhook) throw new AppError('webhook_not_found', 'no such webhook');
    return webhook;
  };
  const records: WebhooksOptions['records'] = {
    subscribed: async (_, type) => [...webhooks.values()].filter((one) => one.events.includes(type)),
    getToSend: async (_, webhookId) => ({ ...find(webhookId) }),
    // As the registry does: of several attempts that fail at once the first counts.
    async setFailingSince(_, webhookId, since) {
      const webhook = find(webhookId);
      if (since === null || webhook.failingSince === null) webhook.failingSince = since;
    },
    async disable(_, webhookId, reason) {
      return Object.assign(find(webhookId), { state: 'disabled', disabledReason: reason });
    },
    async appendDelivery(_, webhookId, delivery) {
      find(webhookId);
      deliveries.push(delivery);
    },
  };
  const events: WebhooksOptions['events'] = {
    put: async (event) => void kept.set(event.id, event),
    get: async (_, eventId) => kept.get(eventId),
  };
  const service = createWebhooks({
    ...{ records, events },
    async loadJob(_, jobId) {
      const found = jobs.get(jobId);
      if (!found) throw new AppError('job_not_found', 'no such job');
      return found;
    },
    enqueue: async (order) => void orders.set(`${order.eventId}.${order.webhookId}`, order),
    send: createSend({ allowPrivateAddresses: true }),
    clock: () => time.now,
    newId: createIds(() => time.now),
  });
  return { service, records, events, received, deliveries, orders, webhooks, jobs, kept, time, id };
}

t.test('an event verifies with the Standard Webhooks library and holds the job', async (t) => {
  const { service, orders, received } = await setUp(t);
  t.equal(await service.emit(job), 1);
  const [order] = orders.values();
  t.equal(await service.deliver(order!, { attempt: 1 }), 'delivered');
  const [request] = received;
  t.same(new Verifier(secret).verify(request!.body, request!.headers as Record<string, string>), {
    type: 'job.succeeded',
    timestamp: job.finishedAt,
    data: job,
  });
  t.equal(request!.headers['webhook-id'], 'evt_01jd1111111111111111111111', 'the id comes from the job');
  t.throws(() =>
    new Verifier(secret).verify(`${request!.body} `, request!.headers as Record<string, string>),
  );
});

t.test('announcing the same end again orders nothing new', async (t) => {
  const { service, orders } = await setUp(t);
  await service.emit(job);
  await service.emit(job);
  t.equal(orders.size, 1);
});

t.test('whoever announces again can leave out webhooks that have the event', async (t) => {
  const { service, orders, id } = await setUp(t);
  const asked: string[] = [];
  const sent = await service.emit(job, (webhook, eventId) => {
    asked.push(`${webhook.id} ${eventId}`);
    return false;
  });
  t.equal(sent, 0);
  t.same(asked, [`${id} evt_01jd1111111111111111111111`]);
  t.equal(orders.size, 0);
});

t.test('only webhooks that want the event get it, and an unfinished job has none', async (t) => {
  const { service, orders } = await setUp(t);
  t.equal(await service.emit({ ...job, state: 'failed' }), 0);
  t.equal(orders.size, 0);
  await t.rejects(service.emit({ ...job, state: 'running' }), { code: 'internal' });
});

t.test(
  'a failed attempt throws a retryable error, is logged without the body, and keeps its id',
  async (t) => {
    const { service, orders, received, deliveries } = await setUp(t, { statuses: [500, 302, 200] });
    await service.emit(job);
    const [order] = orders.values();
    const failed = await service.deliver(order!, { attempt: 1 }).catch((error: unknown) => error);
    t.match(failed, { code: 'delivery_failed', retryable: true, detail: 'The endpoint answered 500' });
    await t.rejects(service.deliver(order!, { attempt: 2 }), { code: 'delivery_failed' });
    t.equal(await service.deliver(order!, { attempt: 3 }), 'delivered');
    t.equal(new Set(received.map(({ headers }) => headers['webhook-id'])).size, 1);
    t.equal(new Set(received.map(({ body }) => body)).size, 1, 'every attempt says the same');
    t.match(deliveries, [
      { attempt: 1, ok: false, status: 500, error: 'http_status' },
      { attempt: 2, ok: false, status: 302, error: 'redirect' },
      { attempt: 3, ok: true, status: 200, error: null },
    ]);
    t.equal(new Set(deliveries.map(({ id }) => id)).size, 3);
    t.ok(deliveries.every(({ latencyMs }) => latencyMs >= 0));
    t.notOk(JSON.stringify(deliveries).includes('ignore'));
  },
);

t.test('410 Gone ends the deliveries of the event, and disables the endpoint', async (t) => {
  const { service, orders, deliveries, webhooks, id } = await setUp(t, { statuses: [410] });
  await service.emit(job);
  const [order] = orders.values();
  t.equal(await service.deliver(order!, { attempt: 1 }), 'gone');
  t.match(webhooks.get(id), { state: 'disabled', disabledReason: /410/ });
  t.match(deliveries, [{ ok: false, status: 410 }]);
});

t.test(
  'an endpoint that is gone is told of under one id, by attempts at once and after a death',
  async (t) => {
    const { service, records, webhooks, id, time, kept, received } = await setUp(t, { statuses: [410] });
    const other = {
      ...webhooks.get(id)!,
      id: 'whk_01jd3333333333333333333333',
      events: ['webhook.disabled' as const],
    };
    webhooks.set(other.id, other);
    // Each look at the clock is a millisecond after the one before.
    let now = time.now;
    Object.defineProperty(time, 'now', { get: () => (now += 1) });
    const order = {
      tenantId,
      webhookId: id,
      eventId: 'evt_1',
      type: 'job.succeeded' as const,
      jobId: job.id,
    };
    const disable = records.disable;
    records.disable = async () => {
      throw new Error('died after it told the others');
    };
    await t.rejects(service.deliver(order, { attempt: 1 }), /died/);
    records.disable = disable;
    const outcomes = [1, 2, 3, 4].map((n) =>
      service.deliver({ ...order, eventId: `evt_${n}` }, { attempt: 1 }),
    );
    t.same(await Promise.all(outcomes), ['gone', 'gone', 'gone', 'gone']);
    t.equal(received.length, 5, 'all were under way before the first was answered');
    t.equal(webhooks.get(id)!.state, 'disabled');
    t.equal(kept.size, 1);
  },
);

t.test('a webhook or a job that was deleted in the meantime is given up without a request', async (t) => {
  const { service, orders, webhooks, jobs, id, received } = await setUp(t);
  await service.emit(job);
  const [order] = orders.values();
  jobs.clear();
  t.equal(await service.deliver(order!, { attempt: 1 }), 'deleted');
  jobs.set(job.id, job);
  webhooks.delete(id);
  t.equal(await service.deliver(order!, { attempt: 1 }), 'deleted');
  t.equal(received.length, 0);
});

t.test('an endpoint that does not answer is named in the log', async (t) => {
  const { service, orders, webhooks, id, deliveries } = await setUp(t);
  webhooks.get(id)!.url = 'http://127.0.0.1:1/';
  await service.emit(job);
  const [order] = orders.values();
  await t.rejects(service.deliver(order!, { attempt: 1 }), {
    message: 'delivery_failed: No answer from the endpoint: connection_failed',
  });
  t.match(deliveries, [{ ok: false, status: null, error: 'connection_failed' }]);
});

t.test(
  'an attempt that we interrupt ourselves is neither logged nor held against the endpoint',
  async (t) => {
    const { service, orders, deliveries } = await setUp(t);
    await service.emit(job);
    const [order] = orders.values();
    const reason = new Error('shutdown');
    await t.rejects(service.deliver(order!, { attempt: 1, signal: AbortSignal.abort(reason) }), reason);
    t.same(deliveries, []);
  },
);

t.test(
  'the fate of a version is an event of its own, with an id that depends on the job alone',
  async (t) => {
    const { service, orders, webhooks, id, received } = await setUp(t);
    webhooks.get(id)!.events = ['model.promoted', 'model.rejected'];
    const metrics = { accuracy: 1, macroF1: 1, logLoss: 0, rows: 1 };
    const gate = { promoted: false, reason: 'no better', candidate: metrics, majority: metrics, live: null };
    t.equal(await service.emit({ ...job, gate }), 1);
    t.equal(await service.emit({ ...job, gate }), 1);
    t.equal(orders.size, 1, 'said twice, it is one order');
    const [order] = orders.values();
    t.match(order, { type: 'model.rejected', jobId: job.id, eventId: /^evt_[0-9a-z]{26}$/ });
    t.not(order!.eventId, `evt_${job.id.slice(4)}`);
    job.gate = gate;
    await service.deliver(order!, { attempt: 1 });
    job.gate = null;
    t.match(JSON.parse(received[0]!.body), {
      ...{ type: 'model.rejected', timestamp: job.finishedAt },
      data: { task: 'inbox', user: 'ada', version: 3, by: job.id, gate: { reason: 'no better' } },
    });
  },
);

t.test(
  'an event that no job tells is kept before it is ordered, and read again for each attempt',
  async (t) => {
    const { service, orders, webhooks, id, kept, received } = await setUp(t);
    webhooks.get(id)!.events = ['model.rolled_back'];
    const change = { tenantId, task: 'inbox', user: 'ada', version: 2, by: 'key_1' };
    const at = '2026-11-23T20:00:00.000Z';
    await service.announceSwitch('model.rolled_back', { ...change, at, seq: 4 });
    await service.announceSwitch('model.rolled_back', { ...change, at, seq: 4 });
    t.equal(orders.size, 1);
    t.equal(kept.size, 1);
    const [order] = orders.values();
    t.notMatch(JSON.stringify(order), 'ada', 'what waits in the queue names nobody');
    t.equal(await service.deliver(order!, { attempt: 1 }), 'delivered');
    t.same(JSON.parse(received[0]!.body), {
      ...{ type: 'model.rolled_back', timestamp: at, data: { ...change, gate: null } },
    });
    kept.clear();
    t.equal(await service.deliver(order!, { attempt: 2 }), 'deleted', 'the user was erased meanwhile');
    await service.announceSwitch('model.rolled_back', { ...change, at, seq: 5 });
    t.equal(orders.size, 2, 'the next switch is another event');
  },
);

t.test('a quota that is used up is told once a period, and kept only where a webhook wants it', async (t) => {
  const { service, orders, webhooks, id, kept } = await setUp(t);
  const said = { tenantId, quota: 'predictRowsPerMinute', limit: 10, at: '2026-11-23T20:15:07.000Z' };
  t.equal(await service.announceQuota({ ...said, period: '2026-11-23T20:14:00.000Z' }), 0);
  t.equal(kept.size, 0);
  webhooks.get(id)!.events = ['quota.exceeded'];
  await service.announceQuota({ ...said, period: '2026-11-23T20:15:00.000Z' });
  t.equal(await service.announceQuota({ ...said, period: '2026-11-23T20:15:00.000Z' }), 0);
  await service.announceQuota({ ...said, period: '2026-11-23T20:16:00.000Z' });
  t.equal(orders.size, 2);
});

t.test('a quota event that could not be kept or ordered is told by the next refusal', async (t) => {
  const { service, records, events, orders, webhooks, id } = await setUp(t);
  webhooks.get(id)!.events = ['quota.exceeded'];
  const period = '2026-11-23T20:15:00.000Z';
  const say = () =>
    service.announceQuota({ tenantId, quota: 'predictRowsPerMinute', limit: 10, at: period, period });
  const away = async () => {
    throw new Error('away');
  };
  const { subscribed } = records;
  records.subscribed = away;
  await t.rejects(say(), /away/);
  records.subscribed = subscribed;
  const { put } = events;
  events.put = away;
  await t.rejects(say(), /away/);
  events.put = put;
  t.equal(await say(), 1);
  t.equal(await say(), 0);
  t.equal(orders.size, 1);
});

t.test('while secrets overlap a message verifies with either', async (t) => {
  const { service, orders, webhooks, id, received } = await setUp(t);
  const newer = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  webhooks.get(id)!.secrets = [newer, secret];
  await service.emit(job);
  await service.deliver([...orders.values()][0]!, { attempt: 1 });
  const [{ body, headers }] = received as [{ body: string; headers: Record<string, string> }];
  for (const one of [newer, secret]) t.ok(new Verifier(one).verify(body, headers));
  t.equal(headers['webhook-signature']?.split(' ').length, 2);
});

t.test('three days of failures alone disable an endpoint, and other endpoints are told', async (t) => {
  const { service, orders, webhooks, id, time, received } = await setUp(t, { statuses: [500, 200, 500] });
  const other = {
    ...webhooks.get(id)!,
    id: 'whk_01jd3333333333333333333333',
    events: ['webhook.disabled' as const],
  };
  webhooks.set(other.id, other);
  await service.emit(job);
  const [order] = orders.values();
  const attempt = (number: number) => service.deliver(order!, { attempt: number }).catch(({ code }) => code);
  t.equal(await attempt(1), 'delivery_failed');
  t.equal(webhooks.get(id)!.failingSince, new Date(time.now).toISOString());
  t.equal(await attempt(2), 'delivered');
  t.equal(webhooks.get(id)!.failingSince, null, 'one success starts the count anew');
  const start = time.now;
  for (const hours of [0, 30, 71.9]) {
    time.now = start + hours * 3_600_000;
    await attempt(3);
    t.equal(webhooks.get(id)!.state, 'enabled', `after ${hours} hours`);
  }
  time.now = start + 72 * 3_600_000;
  await attempt(4);
  t.match(webhooks.get(id), { state: 'disabled', disabledReason: /^Every attempt has failed since/ });
  const told = [...orders.values()].filter(({ type }) => type === 'webhook.disabled');
  t.match(told, [{ webhookId: other.id }], 'not the disabled one');
  const before = received.length;
  t.equal(await attempt(5), 'disabled', 'what still waits for it is not sent');
  t.equal(received.length, before);
  const ping = await service.ping(tenantId, id);
  t.equal(await service.deliver(ping, { attempt: 1 }), 'refused', 'a ping is, so that a person can see');
  t.equal(received.length, before + 1);
});
