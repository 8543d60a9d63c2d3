import t from 'tap';
import { createWorld, plant } from './testing/world.js';

t.test('tenants, keys and tasks', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const other = await world.registry();

  await t.test('a tenant is listed and found; an unknown or malformed id is tenant_not_found', async (t) => {
    const tenant = await registry.tenants.create({ name: 'Orchard' });
    t.same(await other.tenants.get(tenant.id), tenant);
    t.ok((await registry.tenants.list()).data.some(({ id }) => id === tenant.id));
    for (const id of ['ten_00000000000000000000000000', '../keys', '']) {
      await t.rejects(registry.tenants.get(id), { code: 'tenant_not_found' });
    }
  });

  await t.test('a page carries a cursor until the last one, and covers everything once', async (t) => {
    for (let made = 0; made < 7; made += 1) await registry.tenants.create({ name: `Tenant ${made}` });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await registry.tenants.list({ cursor, limit: 3 });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    t.equal(seen.length, new Set(seen).size);
    t.ok(seen.length >= 7);
    await t.rejects(registry.tenants.list({ cursor: 'no cursor' }), { code: 'invalid_request' });
    await t.rejects(registry.tenants.list({ limit: 101 }), { code: 'invalid_request' });
  });

  await t.test('a key’s secret verifies everywhere, and is nowhere stored', async (t) => {
    const { tenantId } = await plant(registry);
    const made = await registry.keys.create(tenantId, { name: 'ci', scopes: ['train'] });
    const { secret, lastUsedAt, ...key } = made;
    t.match(secret, /^scion_[0-9A-Za-z]{43}$/);
    t.equal(lastUsedAt, null);
    t.same((await registry.keys.list(tenantId)).data, [{ ...key, lastUsedAt }]);
    t.same(await other.keys.verify(secret), key);
    for (const wrong of [`${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`, 'scion_', '', key.id]) {
      t.equal(await registry.keys.verify(wrong), undefined);
    }
    const stored = new TextDecoder().decode((await world.store.get(`keys/${key.id}.json`))?.body);
    t.notMatch(stored, secret.slice('scion_'.length));
    const inRedis = await Promise.all((await world.redis.keys('*')).map((name) => world.redis.dump(name)));
    t.notOk(inRedis.some((dump) => dump?.includes(secret)));
  });

  await t.test('an expired key stops at its moment, even when it is cached', async (t) => {
    const { tenantId } = await plant(registry);
    const expiresAt = new Date(world.clock() + 5_000).toISOString();
    const { secret } = await registry.keys.create(tenantId, {
      name: 'short',
      scopes: ['predict'],
      expiresAt,
    });
    world.clock.advance(4_999);
    t.ok(await registry.keys.verify(secret));
    world.clock.advance(1);
    t.equal(await registry.keys.verify(secret), undefined);
  });

  await t.test(
    'a deleted key stops at once where its message is heard, and within 10 s elsewhere',
    async (t) => {
      const { tenantId } = await plant(registry);
      const a = await registry.keys.create(tenantId, { name: 'a', scopes: ['admin'] });
      t.ok(await other.keys.verify(a.secret));
      await registry.keys.delete(tenantId, a.id);
      t.equal(await registry.keys.verify(a.secret), undefined);
      await t.rejects(registry.keys.delete(tenantId, a.id), { code: 'key_not_found' });
      // Another process hears of it over a socket; what a lost message leaves is what the age bound is for.
      const b = await registry.keys.create(tenantId, { name: 'b', scopes: ['admin'] });
      t.ok(await other.keys.verify(b.secret));
      await world.store.delete(`keys/${b.id}.json`);
      world.clock.advance(10_001);
      t.equal(await other.keys.verify(b.secret), undefined);
    },
  );

  await t.test('the operator’s key is made once, shown once, and can be given', async (t) => {
    const first = await registry.keys.ensureOperatorKey();
    t.match(first.secret, /^scion_/);
    t.equal(first.key.tenantId, null);
    t.same(await registry.keys.verify(first.secret ?? ''), first.key);
    const again = await other.keys.ensureOperatorKey();
    t.same(again, { key: first.key, secret: null });
    const given = 'scion_an-operator-chose-this-long-secret';
    const chosen = await registry.keys.ensureOperatorKey(given);
    t.same(await registry.keys.ensureOperatorKey(given), chosen);
    t.same(await other.keys.verify(given), chosen.key);
    await t.rejects(registry.keys.ensureOperatorKey('hunter2'), { code: 'invalid_request' });
  });

  await t.test('a task keeps what its models depend on, whatever else of it changes', async (t) => {
    const { tenantId } = await plant(registry);
    const put = (base: string, minExamplesPerLabel = 2, kind?: 'multilabel') =>
      registry.tasks.put(
        tenantId,
        'news',
        { labels: ['a', 'b'], minExamplesPerLabel, ...(kind && { kind }) },
        { base },
      );
    const { task, created } = await put('minilm');
    t.ok(created);
    t.same(await registry.tasks.get(tenantId, 'news'), task);
    world.clock.advance(1_000);
    const changed = await put('minilm', 3);
    t.notOk(changed.created);
    t.equal(changed.task.createdAt, task.createdAt);
    t.same(await registry.tasks.get(tenantId, 'news'), changed.task);
    await t.rejects(put('minilm', 3, 'multilabel'), { code: 'task_changed' });
    const moved = await put('another-base', 3);
    t.match(moved, { created: false, task: { base: 'another-base', createdAt: task.createdAt } });
    t.same(
      (await registry.tasks.list(tenantId)).data.map(({ name }) => name),
      ['inbox-triage', 'news'],
    );
    await registry.tasks.delete(tenantId, 'news');
    await t.rejects(registry.tasks.get(tenantId, 'news'), { code: 'task_not_found' });
    await t.rejects(registry.tasks.delete(tenantId, 'news'), { code: 'task_not_found' });
    await t.rejects(registry.tasks.put(tenantId, '../x', {}, { base: 'minilm' }), { code: 'task_not_found' });
  });
});
