import { type Delivery, limits } from '@scion/contracts';
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
      t.same((await registry.webhooks.getWithSecret(tenantId, every.id)).secret, secret);
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
