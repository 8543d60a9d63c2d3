import { createIds, type Delivery, limits, type WebhookEvent } from '@scion/contracts';
import { listAll } from '@scion/store';
import t from 'tap';
import { objectKeys } from './index.js';
import { createWorld, plant } from './testing/world.js';

t.test('webhooks', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const url = 'https://example.com/hook';

  await t.test(
    'a webhook is found by the events it wants; its secret is shown to the sender only',
    async (t) => {
      const { tenantId } = await plant(registry);
      const every = await registry.webhooks.create(tenantId, { url });
      const failures = await registry.webhooks.create(tenantId, { url, events: ['job.failed'] });
      t.match(every.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      t.match(every.events, ['job.succeeded', 'job.failed', 'job.cancelled']);
      const { secret, ...shown } = every;
      t.same(await registry.webhooks.get(tenantId, every.id), shown);
      t.same((await registry.webhooks.getToSend(tenantId, every.id)).secrets, [secret]);
      t.notMatch(JSON.stringify(await registry.webhooks.list(tenantId)), 'whsec_');
      const ids = async (type: 'job.failed' | 'job.cancelled') =>
        (await registry.webhooks.subscribed(tenantId, type)).map(({ id }) => id).sort();
      t.same(await ids('job.failed'), [every.id, failures.id].sort());
      t.same(await ids('job.cancelled'), [every.id]);
    },
  );

  await t.test(
    'deliveries are logged once per attempt, newest first, and go with their webhook',
    async (t) => {
      const { tenantId } = await plant(registry);
      const { id } = await registry.webhooks.create(tenantId, { url });
      const delivery = (attempt: number): Delivery => ({
        ...{ id: `dlv_${String(attempt).padStart(26, '0')}`, eventId: 'evt_1', type: 'job.failed', attempt },
        ...{ at: '2026-01-01T00:00:00.000Z', ok: false, status: 500, latencyMs: 3, error: 'status 500' },
      });
      for (const attempt of [1, 2, 3, 3])
        await registry.webhooks.appendDelivery(tenantId, id, delivery(attempt));
      const page = await registry.webhooks.deliveries(tenantId, id, { limit: 2 });
      t.same(page.data, [delivery(3), delivery(2)]);
      const rest = await registry.webhooks.deliveries(tenantId, id, { cursor: page.nextCursor ?? '' });
      t.same(rest, { data: [delivery(1)], nextCursor: null });
      await registry.webhooks.delete(tenantId, id);
      t.same((await world.store.list(objectKeys.webhooksPrefix(tenantId))).objects, []);
      await t.rejects(registry.webhooks.deliveries(tenantId, id), { code: 'webhook_not_found' });
      await t.rejects(registry.webhooks.appendDelivery(tenantId, id, delivery(4)), {
        code: 'webhook_not_found',
      });
    },
  );

  await t.test('of a delivery log the newest thousand stay, and nothing for more than 30 days', async (t) => {
    const { tenantId } = await plant(registry);
    const { id } = await registry.webhooks.create(tenantId, { url });
    const newId = createIds(world.clock);
    const append = async () => {
      const delivery: Delivery = {
        ...{ id: newId('delivery'), eventId: 'evt_1', type: 'job.failed', attempt: 1 },
        ...{ at: '2026-01-01T00:00:00.000Z', ok: true, status: 204, latencyMs: 3, error: null },
      };
      await registry.webhooks.appendDelivery(tenantId, id, delivery);
      return delivery.id;
    };
    const oldest = await append();
    world.clock.advance(1_000);
    for (let n = 0; n < limits.deliveriesPerWebhook + 50; n += 1) await append();
    const stored = async () => {
      let count = 0;
      for await (const _ of listAll(world.store, objectKeys.deliveriesPrefix(tenantId, id))) count += 1;
      return count;
    };
    t.ok((await stored()) <= limits.deliveriesPerWebhook + 50, `${await stored()} are stored`);
    await t.rejects(registry.webhooks.delivery(tenantId, id, oldest), { code: 'delivery_not_found' });
    world.clock.advance((limits.deliveryDays - 1) * 86_400_000);
    const young = await append();
    world.clock.advance(86_400_001);
    t.ok((await registry.webhooks.collectDeliveries(tenantId)) >= limits.deliveriesPerWebhook);
    t.match((await registry.webhooks.deliveries(tenantId, id)).data, [{ id: young }]);
    t.equal(await stored(), 1);
  });

  await t.test(
    'a webhook gets the events of its tasks, and those of no task, while it is enabled',
    async (t) => {
      const { tenantId } = await plant(registry);
      const mail = await registry.webhooks.create(tenantId, { url, tasks: ['mail'] });
      const every = await registry.webhooks.create(tenantId, { url });
      const ids = async (tasks: string[]) =>
        (await registry.webhooks.subscribed(tenantId, 'user.erased', tasks)).map(({ id }) => id).sort();
      t.same(await ids(['mail', 'news']), [mail.id, every.id].sort());
      t.same(await ids(['news']), [every.id]);
      t.same(await ids([]), [mail.id, every.id].sort());
      t.match(await registry.webhooks.disable(tenantId, mail.id, 'why'), {
        ...{ state: 'disabled', disabledReason: 'why', disabledAt: String },
      });
      t.match(await registry.webhooks.disable(tenantId, mail.id, 'later'), { disabledReason: 'why' });
      t.same(await ids(['mail']), [every.id]);
      t.match(await registry.webhooks.enable(tenantId, mail.id), { state: 'enabled', disabledReason: null });
      t.same(await ids(['mail']), [mail.id, every.id].sort());
    },
  );

  await t.test('a rotated secret signs first; the one before signs too until the overlap ends', async (t) => {
    const { tenantId } = await plant(registry);
    const first = await registry.webhooks.create(tenantId, { url });
    const second = await registry.webhooks.rotateSecret(tenantId, first.id, 60_000);
    const secrets = async () => (await registry.webhooks.getToSend(tenantId, first.id)).secrets;
    t.same(await secrets(), [second.secret, first.secret]);
    t.ok(second.previousSecretUntil);
    world.clock.advance(60_000);
    t.same(await secrets(), [second.secret]);
    t.equal((await registry.webhooks.get(tenantId, first.id)).previousSecretUntil, null);
  });

  await t.test('events are kept under the tenant, or with the user they are about', async (t) => {
    const { tenantId, task } = await plant(registry);
    const ids = createIds(() => Date.now());
    const timestamp = '2026-01-01T00:00:00.000Z';
    const change = { tenantId, task, user: 'Ada', version: 1, by: 'key_1', gate: null };
    const about: WebhookEvent = {
      id: ids('event'),
      tenantId,
      type: 'model.promoted',
      timestamp,
      data: change,
    };
    const quota: WebhookEvent = {
      ...{ id: ids('event'), tenantId, type: 'quota.exceeded', timestamp },
      data: { tenantId, quota: 'jobsPerDay', limit: 1, period: timestamp },
    };
    await registry.examples.append({ tenantId, task, user: 'Ada' }, [{ input: 'one', label: 'like' }]);
    await registry.events.put(about);
    await registry.events.put(quota);
    t.same(await registry.events.get(tenantId, about.id), about);
    const other = await plant(registry);
    t.equal(await registry.events.get(other.tenantId, about.id), undefined, 'of no other tenant');
    await registry.rebuild();
    t.same(
      (await registry.events.list(tenantId)).data.map(({ id }) => id).sort(),
      [about.id, quota.id].sort(),
    );
    await registry.users.erase({ tenantId, user: 'Ada', by: 'key_1' }, async () => {});
    t.equal(await registry.events.get(tenantId, about.id), undefined);
    t.same((await registry.events.list(tenantId)).data, [quota]);
    await t.rejects(registry.events.put(about), { code: 'user_not_found' }, 'and does not come back');
    t.same((await registry.events.list(tenantId)).data, [quota]);
    t.same((await world.store.list(objectKeys.userPrefix(tenantId, 'Ada'))).objects, []);
  });

  await t.test('nothing about no user stays for more than 30 days', async (t) => {
    const { tenantId, task } = await plant(registry);
    const newId = createIds(world.clock);
    const put = async (about: Partial<WebhookEvent> & Pick<WebhookEvent, 'id'>) => {
      const timestamp = new Date(world.clock()).toISOString();
      const data = { tenantId, quota: 'jobsPerDay', limit: 1, period: timestamp };
      await registry.events.put({
        tenantId,
        type: 'quota.exceeded',
        timestamp,
        data,
        ...about,
      } as WebhookEvent);
      return about.id;
    };
    const old = newId('event');
    const since = newId('event');
    await put({ id: old });
    await registry.examples.append({ tenantId, task, user: 'Ada' }, [{ input: 'one', label: 'like' }]);
    const change = { tenantId, task, user: 'Ada', version: 1, by: 'key_1', gate: null };
    const model = await put({ id: newId('event'), type: 'model.promoted', data: change });
    world.clock.advance((limits.deliveryDays - 1) * 86_400_000);
    t.equal(await registry.events.collect(tenantId), 0);
    // As of a webhook that had failed since then.
    const late = await put({ id: since });
    const young = await put({ id: newId('event') });
    world.clock.advance(2 * 86_400_000);
    t.equal(await registry.events.collect(tenantId), 1);
    const left = [model, late, young].sort();
    t.same((await registry.events.list(tenantId)).data.map(({ id }) => id).sort(), left);
    await registry.rebuild();
    t.same((await registry.events.list(tenantId)).data.map(({ id }) => id).sort(), left);
  });

  await t.test('a tenant has a limited number, also when many are made at once', async (t) => {
    const { tenantId } = await plant(registry);
    const made = await Promise.allSettled(
      Array.from({ length: limits.webhooksPerTenant + 3 }, () => registry.webhooks.create(tenantId, { url })),
    );
    t.equal(made.filter(({ status }) => status === 'fulfilled').length, limits.webhooksPerTenant);
    t.match(
      made.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code),
      ['quota_exceeded', 'quota_exceeded', 'quota_exceeded'],
    );
  });
});
