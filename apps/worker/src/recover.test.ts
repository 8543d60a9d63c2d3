import { setTimeout as delay } from 'node:timers/promises';
import { createIds, type Job, type ModelRef } from '@scion/contracts';
import { createRegistry, generationKey, objectKeys } from '@scion/registry';
import { createSend, createWebhooks } from '@scion/webhooks';
import t from 'tap';
import { announceAgain } from './recover.js';
import { createWorld, type WorkerProcess } from './testing/world.js';

const world = await createWorld();
t.teardown(() => world.close());
t.setTimeout(120_000);
const recoveredKey = '{scion}:worker:recovered';
const { redis, registry, tenantId, server } = world;

t.test('jobs and events that Redis lost are found again in the bucket', async (t) => {
  const first = await world.spawnWorker({ env: { SCION_GRACE_SECONDS: '0' } });
  const arrived = await world.requestJob(await world.addExamples('arrived'));
  await world.posts(arrived);

  world.answer = () => 503;
  const refused = await world.requestJob(await world.addExamples('refused'));
  const before = await world.posts(refused);
  first.child.kill('SIGTERM');
  await first.exited;
  const waiting = await world.requestJob(await world.addExamples('waiting'));

  await server.flush();
  world.answer = () => 204;
  await world.spawnWorker();
  t.match(await world.ended(waiting), { state: 'succeeded', version: 1 });
  const after = await world.posts(refused, before.length + 1);
  t.equal(new Set(after.map(({ eventId }) => eventId)).size, 1, 'under the id it had');
  t.equal((await world.posts(waiting)).length, 1);
  t.equal((await world.posts(arrived)).length, 1, 'what has arrived is not sent again');
  t.equal((await registry.jobs.get(tenantId, arrived.id)).state, 'succeeded');
});

t.test(
  'what a failover lost is found again, whether a worker restored the indexes or another process',
  async (t) => {
    const subscribers = async () =>
      [...String(await redis.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).matchAll(/^id=(\d+)/gm)].map(
        ([, id]) => id ?? '',
      );
    const others = await subscribers();
    const worker = await world.spawnWorker();
    await world.posts(await world.requestJob(await world.addExamples('before')));

    await backdateWebhooks(Date.now() - 3_600_000);

    /** A server that did not hear of the last writes takes over; `restores` makes somebody see to the indexes. */
    async function failOver(name: string, restores: () => Promise<unknown>): Promise<void> {
      const { job: queued } = await registry.jobs.create(await world.addExamples(`queued-${name}`));
      const { job: told } = await registry.jobs.create(await world.addExamples(`told-${name}`));
      await registry.jobs.finish({ ...told, jobId: told.id }, { state: 'cancelled', events: [] });
      const long = await addEnded(await world.addExamples(`long-${name}`), Date.now() - 600_000);
      const retrain = { schedule: '30 4 * * *' };
      await registry.tasks.put(tenantId, `weekly-${name}`, { retrain }, { base: 'minilm' });
      for (const { id } of [queued, told]) await redis.zrem('{scion}:ix:unfinished', id);
      const before = `the server before ${name}`;
      await redis.mset(generationKey, before, recoveredKey, before);
      await restores();
      t.match(await world.ended(queued), { state: 'succeeded' }, `${name}: the queued job runs`);
      t.equal((await world.posts(told)).length, 1, `${name}: the lost delivery arrives`);
      await recovered(worker);
      while ((await world.queue.counts()).deliveries.waiting > 0) await delay(50);
      t.notOk(
        world.received.some(({ payload }) => payload.data.id === long.id),
        `${name}: what the server had heard of is not told anew, though no log says that it arrived`,
      );
      const schedules = await redis.keys(`*task.${tenantId}.weekly-${name}`);
      t.equal(schedules.length, 1, `${name}: the schedule is ordered`);
    }
    await failOver('worker', async () => {
      for (const id of await subscribers()) {
        if (!others.includes(id)) await redis.call('CLIENT', 'KILL', 'ID', id);
      }
    });
    await failOver('other', () => registry.ensureIndexed());
    worker.child.kill('SIGTERM');
    await worker.exited;
  },
);

async function backdateWebhooks(ms: number): Promise<void> {
  for (const { id } of (await registry.webhooks.list(tenantId)).data) {
    const key = objectKeys.webhook(tenantId, id);
    const record = JSON.parse(String(Buffer.from((await world.store.get(key))?.body ?? [])));
    const older = { ...record, createdAt: new Date(ms).toISOString() };
    await world.store.put(key, Buffer.from(JSON.stringify(older)));
  }
}

/** A job that ended at a moment, of which nobody was told. */
async function addEnded(ref: ModelRef, atMs: number): Promise<Job> {
  const clock = () => atMs;
  const then = await createRegistry({ store: world.store, redis, clock, newId: createIds(clock) });
  const { job } = await then.jobs.create(ref);
  await then.jobs.finish({ ...ref, jobId: job.id }, { state: 'cancelled', events: [] });
  await then.close();
  return job;
}

/** Waits until what was recovered belongs to the indexes as they are. */
async function recovered({ child }: WorkerProcess): Promise<void> {
  while ((await redis.get(recoveredKey)) !== (await redis.get(generationKey))) {
    if (child.exitCode !== null) throw new Error('the worker has ended');
    await delay(50);
  }
}

t.test('an event whose user is erased while events are ordered again does not come back', async (t) => {
  const { id } = await registry.tenants.create({ name: 'Erased' });
  await registry.tasks.put(id, 'inbox', {}, { base: 'minilm' });
  const ref = { tenantId: id, task: 'inbox', user: 'Ada Quince' };
  await registry.examples.append(ref, [{ input: 'one', label: 'like' }]);
  const events = ['model.rolled_back' as const];
  await registry.webhooks.create(id, { url: 'https://example.com', events });
  const change = { ...ref, version: 1, by: 'key_1', gate: null };
  const timestamp = new Date().toISOString();
  const eventId = createIds(Date.now)('event');
  await registry.events.put({
    id: eventId,
    tenantId: id,
    type: 'model.rolled_back',
    timestamp,
    data: change,
  });

  const ordered: string[] = [];
  const webhooks = createWebhooks({
    ...{ records: registry.webhooks, events: registry.events, loadJob: registry.jobs.get },
    enqueue: async (order) => void (order.tenantId === id && ordered.push(order.eventId)),
    send: createSend({ allowPrivateAddresses: false }),
    ...{ clock: Date.now, newId: createIds(Date.now) },
  });
  const list: typeof registry.events.list = async (tenant, page) => {
    const read = await registry.events.list(tenant, page);
    if (tenant === id) await registry.users.erase({ ...ref, by: 'key_1' }, async () => {});
    return read;
  };
  await announceAgain({
    ...{ webhooks, queue: world.queue, clock: Date.now },
    registry: { ...registry, events: { ...registry.events, list } },
  });
  t.same(ordered, [eventId], 'it had been read');
  t.equal(await registry.events.get(id, eventId), undefined, 'so its delivery will find nothing to tell');
  t.same((await registry.events.list(id)).data, []);
  t.same((await registry.models.list(id)).data, []);
  t.same((await world.store.list(objectKeys.userPrefix(id, ref.user))).objects, []);
});

t.test('that a webhook was disabled after days is told again, though its id stands days back', async (t) => {
  const { id } = await registry.tenants.create({ name: 'Disabled' });
  const hour = 3_600_000;
  const [dead] = [
    await registry.webhooks.create(id, { url: 'https://example.com/dead' }),
    await registry.webhooks.create(id, { url: 'https://example.com', events: ['webhook.disabled'] }),
  ];
  const ordered: string[] = [];
  const webhooks = createWebhooks({
    ...{ records: registry.webhooks, events: registry.events, loadJob: registry.jobs.get },
    enqueue: async ({ tenantId, type, eventId }) => {
      if (tenantId === id && type === 'webhook.disabled') ordered.push(eventId);
    },
    send: async () => ({ status: 503, error: null }),
    ...{ clock: Date.now, newId: createIds(Date.now) },
  });
  await registry.webhooks.setFailingSince(id, dead.id, new Date(Date.now() - 80 * hour).toISOString());
  const betweenMs = Date.now() - 60 * hour;
  const between = {
    ...{ id: createIds(() => betweenMs)('event'), tenantId: id, type: 'quota.exceeded' as const },
    timestamp: new Date(betweenMs).toISOString(),
    data: { tenantId: id, quota: 'jobsPerDay' as const, limit: 1, period: new Date(betweenMs).toISOString() },
  };
  await registry.events.put(between);
  const last = { tenantId: id, webhookId: dead.id, eventId: between.id, type: between.type };
  await t.rejects(webhooks.deliver(last, { attempt: 16 }), { code: 'delivery_failed' });
  const [told] = ordered.splice(0);
  t.ok(told);

  await announceAgain({ registry, webhooks, queue: world.queue, clock: Date.now });
  t.same(ordered, [told], 'once');
});

t.test('a worker whose supervisor is gone ends by itself', async (t) => {
  const worker = await world.spawnWorker();
  worker.child.disconnect();
  t.same(await worker.exited, { code: 0, signal: null });
});

t.test('a worker ends in bounded time though Redis is away', async (t) => {
  const worker = await world.spawnWorker({ env: { SCION_GRACE_SECONDS: '0' } });
  await server.kill('SIGKILL');
  worker.child.kill('SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<string>((done) => {
    timer = setTimeout(() => done('still there after 30 s'), 30_000);
  });
  const end = await Promise.race([worker.exited, tooLate]);
  clearTimeout(timer);
  t.match(end, { signal: null });
  await server.restart();
});
