import type { Job, ModelRef } from '@scion/contracts';
import { createFileStore } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';
import type { JobRef, Registry } from './index.js';
import { generationKey } from './indexes.js';
import { dumpIndexes } from './testing/index-dump.js';
import { createWorld, encodedVersion, plant, type World } from './testing/world.js';

const users = ['ada', 'Bob Ü', 'c/d', 'e'.repeat(256)];
const tasks = ['mail', 'news'];
const refOf = ({ id, tenantId, task, user }: Job): JobRef => ({ tenantId, task, user, jobId: id });

type Action =
  | { type: 'tenant' | 'audit' | 'key' | 'key-delete' | 'webhook' | 'webhook-delete' | 'deliver' }
  | { type: 'task' | 'task-delete'; task: number }
  | { type: 'append' | 'job' | 'run' | 'finish' | 'cancel' | 'rollback'; task: number; user: number };

const model = { task: fc.nat(1), user: fc.nat(users.length - 1) };
const actions: fc.Arbitrary<Action>[] = [
  ...(['tenant', 'audit', 'key', 'key-delete', 'webhook', 'webhook-delete', 'deliver'] as const).map((type) =>
    fc.record({ type: fc.constant(type) }),
  ),
  ...(['task', 'task-delete'] as const).map((type) =>
    fc.record({ type: fc.constant(type), task: fc.nat(1) }),
  ),
  ...(['append', 'job', 'run', 'finish', 'cancel', 'rollback'] as const).flatMap((type) => {
    const action = fc.record({ type: fc.constant(type), ...model });
    return [action, action];
  }),
];

/** One step of traffic; steps that make no sense now are refused by the registry, which is part of the test. */
async function act(registry: Registry, world: World, tenantId: string, action: Action, step: number) {
  world.clock.advance(1);
  const id = (kind: string): string => `${kind}_${String(step).padStart(26, '0')}`;
  const first = <T>(items: T[]): T => {
    const [item] = items;
    if (item === undefined) throw Object.assign(new Error('nothing there'), { code: 'skipped' });
    return item;
  };
  switch (action.type) {
    case 'tenant':
      return registry.tenants.create({ name: `Tenant ${step}` });
    case 'audit':
      return registry.audit.append({
        ...{ tenantId: step % 2 ? tenantId : null, by: id('key'), byName: 'k', action: 'putTask' },
        ...{ target: {}, status: 200, requestId: id('req') },
      });
    case 'key':
      return registry.keys.create(step % 2 ? tenantId : null, { name: 'k', scopes: ['train'] });
    case 'key-delete':
      return registry.keys.delete(tenantId, first((await registry.keys.list(tenantId)).data).id);
    case 'webhook':
      return registry.webhooks.create(tenantId, { url: 'https://example.com' });
    case 'webhook-delete':
      return registry.webhooks.delete(tenantId, first((await registry.webhooks.list(tenantId)).data).id);
    case 'deliver':
      return registry.webhooks.appendDelivery(
        tenantId,
        first((await registry.webhooks.list(tenantId)).data).id,
        {
          ...{ id: id('dlv'), eventId: 'evt_1', type: 'job.failed', attempt: 1, at: '', ok: true },
          ...{ status: 200, latencyMs: 1, error: null },
        },
      );
    case 'task':
      return registry.tasks.put(tenantId, tasks[action.task] ?? '', {}, { base: 'minilm' });
    case 'task-delete':
      return registry.tasks.delete(tenantId, tasks[action.task] ?? '');
    default: {
      const ref: ModelRef = { tenantId, task: tasks[action.task] ?? '', user: users[action.user] ?? '' };
      const open = async () => {
        const { data } = await registry.jobs.list(tenantId, ref);
        return refOf(first(data.filter(({ state }) => state === 'queued' || state === 'running')));
      };
      if (action.type === 'append') {
        return registry.examples.append(ref, [{ id: `e${step % 5}`, input: `${step}`, label: 'like' }]);
      }
      if (action.type === 'job') return registry.jobs.create(ref);
      if (action.type === 'run') return registry.jobs.update(await open(), { state: 'running', attempts: 1 });
      if (action.type === 'cancel') return registry.jobs.requestCancel(tenantId, (await open()).jobId);
      if (action.type === 'rollback') return registry.models.rollback(ref, { by: 'key_1' });
      const job = await open();
      const { version } = await registry.models.publish(ref, job.jobId, (number) =>
        encodedVersion(ref, job.jobId, number),
      );
      await registry.models.promote(ref, version, job.jobId);
      return registry.jobs.finish(job, { state: 'succeeded', version, events: [] });
    }
  }
}

/** All that callers can see of a tenant. */
async function view(registry: Registry, tenantId: string): Promise<unknown> {
  const open: string[] = [];
  for await (const { id } of registry.jobs.unfinished()) open.push(id);
  const { data: models } = await registry.models.list(tenantId);
  const { data: taskList } = await registry.tasks.list(tenantId);
  const known = new Set(taskList.map(({ name }) => name));
  const { data: webhooks } = await registry.webhooks.list(tenantId);
  return {
    open,
    models,
    taskList,
    webhooks,
    tenants: await registry.tenants.list(),
    keys: [await registry.keys.list(tenantId), await registry.keys.list(null)],
    audit: [await registry.audit.list(tenantId), await registry.audit.list(null)],
    jobs: await registry.jobs.list(tenantId),
    states: await Promise.all(
      (['queued', 'running', 'succeeded'] as const).map((state) => registry.jobs.list(tenantId, { state })),
    ),
    deliveries: await Promise.all(webhooks.map(({ id }) => registry.webhooks.deliveries(tenantId, id))),
    details: await Promise.all(
      models
        .filter(({ task }) => known.has(task))
        .map(async (ref) => [await registry.models.get(ref), (await registry.examples.all(ref)).dataSha256]),
    ),
  };
}

const refusals = new Set([
  ...['skipped', 'key_not_found', 'webhook_not_found', 'task_not_found', 'user_not_found', 'job_not_found'],
  ...['job_finished', 'model_not_trained', 'nothing_to_roll_back', 'quota_exceeded'],
]);

t.test('after random traffic and the loss of Redis, the bucket alone restores every index', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registries = [await world.registry(), await world.registry()];
  let step = 0;
  const traffic = fc.array(fc.tuple(fc.oneof(...actions), fc.nat(1), fc.nat(24)), {
    minLength: 5,
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(traffic, async (steps) => {
      const tenantId = (await registries[0]?.tenants.create({ name: 'Orchard' }))?.id ?? '';
      for (const task of tasks) await registries[0]?.tasks.put(tenantId, task, {}, { base: 'minilm' });
      for (const [action, process, flush] of steps) {
        // Now and then Redis loses everything in the middle of it.
        if (flush === 0) await world.server.flush();
        try {
          await act(registries[process] as Registry, world, tenantId, action, step++);
        } catch (error) {
          if (!refusals.has((error as { code: string }).code)) throw error;
        }
      }
      await registries[0]?.ensureIndexed();
      const [indexes, seen] = [
        await dumpIndexes(world.redis),
        await view(registries[0] as Registry, tenantId),
      ];
      await world.server.flush();
      await registries[1]?.rebuild();
      t.same(await dumpIndexes(world.redis), indexes);
      t.same(await view(registries[1] as Registry, tenantId), seen);
    }),
    { numRuns: 25 },
  );
});

t.test('losing Redis', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const rebuilt: Job[][] = [];
  let fails = false;
  const registry = await world.registry({
    async onRebuilt(jobs) {
      if (fails) throw new Error('the queue is away');
      rebuilt.push(jobs);
    },
  });
  const planted = await plant(registry);
  const { job } = await registry.jobs.create({ ...planted, user: 'ada' });

  await t.test('a read after the loss restores by itself and hands on the unfinished jobs', async (t) => {
    rebuilt.length = 0;
    await world.server.flush();
    t.same((await registry.jobs.list(planted.tenantId)).data, [job]);
    t.same(rebuilt, [[job]]);
    t.notOk(await registry.ensureIndexed());
    t.equal(rebuilt.length, 1);
  });

  await t.test('readers at the same time rebuild once', async (t) => {
    rebuilt.length = 0;
    await world.server.flush();
    const other = await world.registry({ onRebuilt: async (jobs) => void rebuilt.push(jobs) });
    await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 ? registry : other).tasks.list(planted.tenantId)),
    );
    t.equal(rebuilt.length, 1);
  });

  await t.test('a job asked for while the indexes are gone waits for them instead of doubling', async (t) => {
    await world.server.flush();
    t.match(await registry.jobs.create({ ...planted, user: 'ada' }), { joined: true, job: { id: job.id } });
  });

  await t.test('indexes count as restored only after the unfinished jobs were handed on', async (t) => {
    fails = true;
    await world.server.flush();
    await t.rejects(registry.jobs.list(planted.tenantId), { message: 'the queue is away' });
    fails = false;
    rebuilt.length = 0;
    t.equal((await registry.jobs.list(planted.tenantId)).data.length, 1);
    t.equal(rebuilt.length, 1);
  });

  await t.test('a Redis restored from an older snapshot is brought up to date', async (t) => {
    const before = await dumpIndexes(world.redis);
    // What a snapshot before the last job would hold, on another server process.
    for (const name of await world.redis.keys('*jobs*')) await world.redis.del(name);
    await world.redis.set(generationKey, 'the server that died');
    t.ok(await registry.ensureIndexed());
    t.same(await dumpIndexes(world.redis), before);
  });

  await t.test('a Redis killed and started empty is restored', async (t) => {
    const before = await dumpIndexes(world.redis);
    await world.server.kill('SIGKILL');
    await world.server.restart();
    t.same((await registry.jobs.list(planted.tenantId)).data, [job]);
    const after = await dumpIndexes(world.redis);
    t.not(after[generationKey], before[generationKey]);
    t.same({ ...after, [generationKey]: '' }, { ...before, [generationKey]: '' });
  });
});

t.test('a bucket on disk restores too', async (t) => {
  const world = await createWorld(await createFileStore({ root: t.testdir() }));
  t.teardown(world.close);
  const registry = await world.registry();
  const planted = await plant(registry);
  for (const user of users) {
    await registry.examples.append({ ...planted, user }, [{ id: 'a', input: 'x', label: 'y' }]);
    await registry.jobs.create({ ...planted, user });
  }
  const seen = await view(registry, planted.tenantId);
  await world.server.flush();
  t.match(await registry.rebuild(), { tenants: 1, tasks: 1, models: 4, jobs: 4, unfinishedJobs: 4 });
  t.same(await view(registry, planted.tenantId), seen);
});
