import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, createIds, type Delivery, type Job, type Webhook } from '@scion/contracts';
import { Webhook as Verifier } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { createSend, createWebhooks, type DeliveryOrder } from './index.js';

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

  const webhooks = new Map<string, Webhook & { secret: string }>();
  const jobs = new Map([[job.id, job]]);
  const deliveries: Delivery[] = [];
  const orders = new Map<string, DeliveryOrder>();
  const id = 'whk_01jd2222222222222222222222';
  webhooks.set(id, {
    id,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    events: ['job.succeeded'],
    createdAt: job.createdAt,
    secret,
  });
  const find = (webhookId: string) => {
    const webhook = webhooks.get(webhookId);
    if (!webhook) throw new AppError('webhook_not_found', 'no such webhook');
    return webhook;
  };
  const service = createWebhooks({
    records: {
      subscribed: async (_, type) => [...webhooks.values()].filter((one) => one.events.includes(type)),
      getWithSecret: async (_, webhookId) => find(webhookId),
      async appendDelivery(_, webhookId, delivery) {
        find(webhookId);
        deliveries.push(delivery);
      },
    },
    async loadJob(_, jobId) {
      const found = jobs.get(jobId);
      if (!found) throw new AppError('job_not_found', 'no such job');
      return found;
    },
    enqueue: async (order) => void orders.set(`${order.eventId}.${order.webhookId}`, order),
    send: createSend({ allowPrivateAddresses: true }),
    clock: () => Date.now(),
    newId: createIds(() => Date.now()),
  });
  return { service, received, deliveries, orders, webhooks, jobs, id };
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

t.test('410 Gone ends the deliveries of the event', async (t) => {
  const { service, orders, deliveries } = await setUp(t, { statuses: [410] });
  await service.emit(job);
  const [order] = orders.values();
  t.equal(await service.deliver(order!, { attempt: 1 }), 'gone');
  t.match(deliveries, [{ ok: false, status: 410 }]);
});

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
