import { AppError } from '@scion/contracts';
import t from 'tap';
import { createWorld, encodedVersion, plant } from './testing/world.js';

/** What a caller can see of a failure. */
async function failure(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await call() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, detail, errors, extensions } = error;
    return { code, detail, errors, extensions };
  }
}

t.test('another tenant’s resource looks exactly like a missing one', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const a = await plant(registry, 'mail');
  const b = await plant(registry, 'mail');
  const user = 'ada';
  const owned = { ...a, user };
  await registry.tasks.put(a.tenantId, 'only-a', {}, { base: 'minilm' });
  await registry.examples.append(owned, [{ id: 'x', input: 'x', label: 'y' }]);
  const { job } = await registry.jobs.create(owned);
  await registry.models.publish(owned, job.id, (version) => encodedVersion(owned, job.id, version));
  await registry.models.promote(owned, 1, job.id);
  const webhook = await registry.webhooks.create(a.tenantId, { url: 'https://example.com' });
  const key = await registry.keys.create(a.tenantId, { name: 'k', scopes: ['admin'] });
  const operator = await registry.keys.ensureOperatorKey();

  const zero = '0'.repeat(26);
  const intruder = { ...b, user };
  const stranger = { ...b, user: 'nobody' };
  const delivery = {
    ...({ id: `dlv_${zero}`, eventId: 'evt_1', type: 'job.failed', attempt: 1, at: '', ok: true } as const),
    ...{ status: 200, latencyMs: 1, error: null },
  };
  const pairs: Record<string, (() => Promise<unknown>)[]> = {
    'tasks.get': [
      () => registry.tasks.get(b.tenantId, 'only-a'),
      () => registry.tasks.get(b.tenantId, 'none'),
    ],
    'tasks.delete': [
      () => registry.tasks.delete(b.tenantId, 'only-a'),
      () => registry.tasks.delete(b.tenantId, 'none'),
    ],
    'keys.delete': [
      () => registry.keys.delete(b.tenantId, key.id),
      () => registry.keys.delete(b.tenantId, `key_${zero}`),
    ],
    'keys.delete, operator’s': [
      () => registry.keys.delete(b.tenantId, operator.key.id),
      () => registry.keys.delete(b.tenantId, `key_${zero}`),
    ],
    'jobs.get': [
      () => registry.jobs.get(b.tenantId, job.id),
      () => registry.jobs.get(b.tenantId, `job_${zero}`),
    ],
    'jobs.events': [
      () => registry.jobs.events(b.tenantId, job.id),
      () => registry.jobs.events(b.tenantId, `job_${zero}`),
    ],
    'jobs.requestCancel': [
      () => registry.jobs.requestCancel(b.tenantId, job.id),
      () => registry.jobs.requestCancel(b.tenantId, `job_${zero}`),
    ],
    'jobs.load': [
      () => registry.jobs.load({ ...intruder, jobId: job.id }),
      () => registry.jobs.load({ ...stranger, jobId: `job_${zero}` }),
    ],
    'models.get': [() => registry.models.get(intruder), () => registry.models.get(stranger)],
    'models.versions': [() => registry.models.versions(intruder), () => registry.models.versions(stranger)],
    'models.version': [
      () => registry.models.version(intruder, 1),
      () => registry.models.version(stranger, 1),
    ],
    'models.live': [() => registry.models.live(intruder), () => registry.models.live(stranger)],
    'models.adapter': [
      () => registry.models.adapter(intruder, 1),
      () => registry.models.adapter(stranger, 1),
    ],
    'models.rollback': [
      () => registry.models.rollback(intruder, { by: 'key_1' }),
      () => registry.models.rollback(stranger, { by: 'key_1' }),
    ],
    'examples.list': [() => registry.examples.list(intruder), () => registry.examples.list(stranger)],
    'examples.count': [() => registry.examples.count(intruder), () => registry.examples.count(stranger)],
    'examples.countSince': [
      () => registry.examples.countSince(intruder, 0),
      () => registry.examples.countSince(stranger, 0),
    ],
    'webhooks.get': [
      () => registry.webhooks.get(b.tenantId, webhook.id),
      () => registry.webhooks.get(b.tenantId, `whk_${zero}`),
    ],
    'webhooks.getToSend': [
      () => registry.webhooks.getToSend(b.tenantId, webhook.id),
      () => registry.webhooks.getToSend(b.tenantId, `whk_${zero}`),
    ],
    'webhooks.delete': [
      () => registry.webhooks.delete(b.tenantId, webhook.id),
      () => registry.webhooks.delete(b.tenantId, `whk_${zero}`),
    ],
    'webhooks.deliveries': [
      () => registry.webhooks.deliveries(b.tenantId, webhook.id),
      () => registry.webhooks.deliveries(b.tenantId, `whk_${zero}`),
    ],
    'webhooks.appendDelivery': [
      () => registry.webhooks.appendDelivery(b.tenantId, webhook.id, delivery),
      () => registry.webhooks.appendDelivery(b.tenantId, `whk_${zero}`, delivery),
    ],
  };
  for (const [name, [foreign, missing]] of Object.entries(pairs)) {
    if (foreign && missing) t.same(await failure(foreign), await failure(missing), name);
  }
  for (const list of [
    registry.jobs.list(b.tenantId),
    registry.jobs.list(b.tenantId, { task: 'mail', user }),
    registry.models.list(b.tenantId),
    registry.keys.list(b.tenantId),
    registry.webhooks.list(b.tenantId),
  ]) {
    t.same(await list, { data: [], nextCursor: null });
  }
  t.match(await registry.models.live(owned), { version: 1 }, 'and nothing of the owner was touched');
  t.match(await registry.jobs.get(a.tenantId, job.id), { state: 'queued' });
  t.notOk(await registry.jobs.cancelRequested({ ...owned, jobId: job.id }));
});
