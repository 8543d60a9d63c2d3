import { AppError, createIds, type ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { createRegistry, type JobRef, objectKeys, type Registry } from './index.js';
import { findTraces } from './testing/find-traces.js';
import { dumpIndexes } from './testing/index-dump.js';
import { createWorld, encodedVersion, gate, plant, type World } from './testing/world.js';

/**
 * Kills a "process" at its k-th step. A step is one write to the store or to Redis; the death comes right before it, or
 * right after it took effect but before the caller learned so. Once dead, nothing of that process works any more, so
 * its locks stay behind.
 */
function createFuse(at: number, mode: 'before' | 'after') {
  const fuse = { steps: 0, dead: false };
  async function step<T>(run: () => Promise<T>): Promise<T> {
    if (fuse.dead) throw new Error('dead');
    fuse.steps += 1;
    const dies = fuse.steps === at;
    if (dies && mode === 'before') fuse.dead = true;
    if (fuse.dead) throw new Error('killed');
    const result = await run();
    if (dies) {
      fuse.dead = true;
      throw new Error('killed');
    }
    return result;
  }
  const live = <T>(run: () => Promise<T>): Promise<T> =>
    fuse.dead ? Promise.reject(new Error('dead')) : run();

  function store(inner: ObjectStore): ObjectStore {
    return {
      get: (key) => live(() => inner.get(key)),
      head: (key) => live(() => inner.head(key)),
      put: (key, body) => step(() => inner.put(key, body)),
      create: (key, body) => step(() => inner.create(key, body)),
      delete: (key) => step(() => inner.delete(key)),
      list: (prefix, page) => live(() => inner.list(prefix, page)),
      children: (prefix, page) => live(() => inner.children(prefix, page)),
      close: () => inner.close(),
    };
  }

  const writes = new Set(['set', 'eval', 'zadd', 'zrem', 'hset', 'unlink', 'del', 'publish']);
  const reads = new Set(['get', 'hget', 'hmget', 'exists', 'info', 'scan']);
  function redis(inner: Redis): Redis {
    return new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (writes.has(name)) return (...args: unknown[]) => step(() => call(...args));
        if (reads.has(name)) return (...args: unknown[]) => live(() => call(...args));
        if (name !== 'multi') return call;
        return () => {
          const batch = target.multi();
          const exec = batch.exec.bind(batch);
          batch.exec = () => step(exec);
          return batch;
        };
      },
    });
  }
  return { ...{ store, redis }, steps: () => fuse.steps, isDead: () => fuse.dead };
}

interface Scenario {
  /** What must stand before; runs on a healthy registry. */
  prepare?(registry: Registry, ref: ModelRef): Promise<void>;
  /** What dies at every step, and is called again by another process. */
  run(registry: Registry, ref: ModelRef): Promise<unknown>;
  /** What holds after the death, before anybody tries again. */
  between?(registry: Registry, ref: ModelRef, t: Test): Promise<void>;
  /** What holds after the second try. */
  after(registry: Registry, ref: ModelRef, t: Test, world: World): Promise<void>;
  /** The index may lack what was never acknowledged, or hold what is no more, until the next rebuild. */
  indexMayDiffer?: boolean;
}

const jobId = `job_${'0'.repeat(26)}`;
const oldRow = { id: 'a', input: 'old', label: 'like' };
const rows = [
  { id: 'a', input: 'new', label: 'skip' },
  { id: 'b', input: 'two', label: 'like' },
];
const publish = (registry: Registry, ref: ModelRef, by = jobId) =>
  registry.models.publish(ref, by, (version) => encodedVersion(ref, by, version));

/** How many objects each receipt of an erasure listed. */
let receipts: number[] = [];

/** The one job that `prepare` made. */
async function onlyJob(registry: Registry, ref: ModelRef): Promise<JobRef> {
  const { data } = await registry.jobs.list(ref.tenantId, { task: ref.task, user: ref.user });
  return { ...ref, jobId: data[0]?.id ?? '' };
}
const createJob = async (registry: Registry, ref: ModelRef): Promise<void> => {
  await registry.jobs.create(ref);
};

const scenarios: Record<string, Scenario> = {
  'append examples': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, [oldRow]);
    },
    run: (registry, ref) => registry.examples.append(ref, rows),
    async between(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      const texts = examples.map(({ input }) => input);
      t.ok(['old', 'new,two'].includes(texts.join()), 'all of the request is stored, or nothing');
      t.equal(await registry.examples.count(ref), examples.length, 'and counted');
    },
    async after(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.match(examples, rows);
      t.equal(examples.length, 2);
      t.equal(await registry.examples.count(ref), 2);
      t.match(await registry.examples.append(ref, rows), { duplicates: 2, total: 2 });
    },
  },
  'delete an example': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, [oldRow, { id: 'b', input: 'kept', label: 'like' }]);
    },
    async run(registry, ref) {
      await registry.examples.delete(ref, 'a').catch((error: unknown) => {
        // The one before took it back and died later.
        if (!(error instanceof AppError) || error.code !== 'example_not_found') throw error;
      });
    },
    async between(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.equal(await registry.examples.count(ref), examples.length, 'what is there is counted');
    },
    async after(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.same(
        examples.map(({ id }) => id),
        ['b'],
      );
      t.equal(await registry.examples.count(ref), 1);
      t.match(await registry.examples.append(ref, [oldRow]), { accepted: 1, total: 2 });
    },
  },
  'append the first examples': {
    run: (registry, ref) => registry.examples.append(ref, rows),
    async after(registry, ref, t) {
      t.equal(await registry.examples.count(ref), 2);
      t.ok((await registry.models.list(ref.tenantId)).data.some(({ user }) => user === ref.user));
    },
  },
  'publish a version': {
    run: (registry, ref) => publish(registry, ref),
    async between(registry, ref, t) {
      for (const { version, card } of (await registry.models.versions(ref).catch(() => ({ data: [] })))
        .data) {
        const adapter = await registry.models.adapter(ref, version);
        t.same(adapter, encodedVersion(ref, card.jobId, version).adapter, 'what is published is whole');
      }
    },
    async after(registry, ref, t) {
      const { data } = await registry.models.versions(ref);
      t.equal(data.length, 1, 'one version of the job');
      const version = data[0]?.version ?? 0;
      t.same(await registry.models.adapter(ref, version), encodedVersion(ref, jobId, version).adapter);
    },
  },
  'promote a version': {
    async prepare(registry, ref) {
      await publish(registry, ref, 'job_before');
      await registry.models.promote(ref, 1, 'job_before');
      await publish(registry, ref);
    },
    run: (registry, ref) => registry.models.promote(ref, 2, jobId),
    async between(registry, ref, t) {
      t.match((await registry.models.live(ref))?.version, /^[12]$/, 'the old or the new version is live');
    },
    async after(registry, ref, t) {
      t.match(await registry.models.live(ref), { version: 2 });
      t.equal((await registry.models.history(ref)).length, 2, 'one entry for the job');
    },
  },
  'roll back to a named version': {
    async prepare(registry, ref) {
      for (const [at, by] of ['job_a', 'job_b'].entries()) {
        await publish(registry, ref, by);
        await registry.models.promote(ref, at + 1, by);
      }
    },
    run: (registry, ref) => registry.models.rollback(ref, { version: 1, by: 'key_1' }),
    async after(registry, ref, t) {
      t.match(await registry.models.live(ref), { version: 1 });
      t.equal((await registry.models.history(ref)).length, 3);
    },
  },
  'record a job': {
    run: (registry, ref) => registry.jobs.create(ref),
    indexMayDiffer: true,
    async after(registry, ref, t) {
      const before = await registry.jobs.list(ref.tenantId, { user: ref.user });
      t.equal(before.data.length, 1, 'the one that was acknowledged');
      await registry.rebuild();
      const { data } = await registry.jobs.list(ref.tenantId, { user: ref.user });
      t.ok(data.length <= 2, 'a record that was never acknowledged comes to light with a rebuild');
      t.ok(data.every(({ state }) => state === 'queued'));
      t.match(await registry.jobs.create(ref), { joined: true });
    },
  },
  'start a job': {
    prepare: createJob,
    run: async (registry, ref) =>
      registry.jobs.update(await onlyJob(registry, ref), { state: 'running', attempts: 1 }),
    async after(registry, ref, t) {
      const { data } = await registry.jobs.list(ref.tenantId, { user: ref.user, state: 'running' });
      t.equal(data.length, 1);
      t.match(await registry.jobs.create(ref), { joined: false });
    },
  },
  'finish a job': {
    prepare: createJob,
    run: async (registry, ref) =>
      registry.jobs.finish(await onlyJob(registry, ref), {
        ...{ state: 'succeeded', version: 1, gate },
        events: [{ seq: 1, at: '2026-01-01T00:00:00.000Z', type: 'state', state: 'succeeded' }],
      }),
    async between(registry, ref, t) {
      const job = await onlyJob(registry, ref);
      const { state } = await registry.jobs.load(job);
      const events = await registry.jobs.events(ref.tenantId, job.jobId);
      t.equal(events?.length, state === 'succeeded' ? 1 : undefined, 'an ended job has its events');
    },
    async after(registry, ref, t) {
      const job = await onlyJob(registry, ref);
      t.match(await registry.jobs.get(ref.tenantId, job.jobId), { state: 'succeeded', version: 1 });
      t.equal((await registry.jobs.events(ref.tenantId, job.jobId))?.length, 1);
      for await (const { id } of registry.jobs.unfinished()) t.not(id, job.jobId);
    },
  },
  'ask to cancel a job': {
    prepare: createJob,
    run: async (registry, ref) =>
      registry.jobs.requestCancel(ref.tenantId, (await onlyJob(registry, ref)).jobId),
    async after(registry, ref, t) {
      t.ok(await registry.jobs.cancelRequested(await onlyJob(registry, ref)));
    },
  },
  'promote to a named version': {
    async prepare(registry, ref) {
      await publish(registry, ref, 'job_a');
      await publish(registry, ref, 'job_b');
      await registry.models.promote(ref, 2, 'job_b');
    },
    run: (registry, ref) => registry.models.promoteTo(ref, 1, 'key_1'),
    async between(registry, ref, t) {
      t.match((await registry.models.live(ref))?.version, /^[12]$/, 'the old or the new version is live');
    },
    async after(registry, ref, t) {
      t.match(await registry.models.live(ref), { version: 1 });
      t.equal((await registry.models.history(ref)).length, 2, 'one entry, however often it is asked for');
    },
  },
  'pin and unpin versions': {
    async prepare(registry, ref) {
      await publish(registry, ref, 'job_a');
      await publish(registry, ref, 'job_b');
      await registry.models.setPinned(ref, 2, true, 'key_1');
    },
    async run(registry, ref) {
      await registry.models.setPinned(ref, 1, true, 'key_1');
      await registry.models.setPinned(ref, 2, false, 'key_1');
    },
    async after(registry, ref, t) {
      t.equal((await registry.models.version(ref, 1)).pinned, true);
      t.equal((await registry.models.version(ref, 2)).pinned, undefined);
    },
  },
  'collect versions': {
    async prepare(registry, ref) {
      const retention = { lastVersions: 1, liveDays: 0 };
      await registry.tasks.put(ref.tenantId, ref.task, { retention }, { base: 'minilm' });
      for (const by of ['job_a', 'job_b', 'job_c', 'job_d', 'job_e']) await publish(registry, ref, by);
      await registry.models.promoteTo(ref, 2, 'key_1');
      await registry.models.setPinned(ref, 3, true, 'key_1');
    },
    run: (registry, ref) => registry.models.collect(ref),
    async between(registry, ref, t) {
      for (const { version } of (await registry.models.versions(ref)).data) {
        t.ok(await registry.models.adapter(ref, version), 'what is still there is whole');
      }
      t.match(await registry.models.live(ref), { version: 2 });
    },
    async after(registry, ref, t, { store }) {
      const { data } = await registry.models.versions(ref);
      t.same(
        data.map(({ version }) => version),
        [5, 3, 2],
      );
      const prefix = objectKeys.versionsPrefix(ref);
      t.equal((await store.list(prefix)).objects.length, 7, 'three adapters, three cards, one pin');
      t.equal((await publish(registry, ref, 'job_f')).version, 6, 'no number is used again');
    },
  },
  'erase a user': {
    async prepare(registry, ref) {
      await registry.tasks.put(ref.tenantId, 'news', {}, { base: 'minilm' });
      for (const one of [ref, { ...ref, task: 'news' }]) {
        await registry.examples.append(one, rows);
        const { job } = await registry.jobs.create(one);
        await publish(registry, one, job.id);
        await registry.models.promote(one, 1, job.id);
      }
      receipts = [];
    },
    async run(registry, { tenantId, user }) {
      try {
        const { receipt } = await registry.users.erase({ tenantId, user, by: 'key_1' }, async () => {});
        receipts.push(receipt.objects.length);
      } catch (error) {
        // Only when the one before had ended: then there is nothing to find.
        if (!(error instanceof AppError) || error.code !== 'user_not_found') throw error;
      }
    },
    async after(registry, ref, t, { store, redis }) {
      const escaped = objectKeys.userPrefix('', ref.user).split('/').at(-2) ?? '';
      t.same(await findTraces(store, redis, ['"Ada"', escaped]), [], 'no trace of the user');
      t.ok(receipts.length === 0 || receipts.at(-1) === 10, 'a receipt lists what both tries removed');
      t.same((await registry.jobs.list(ref.tenantId)).data, []);
    },
  },
  'put a task': {
    run: (registry, ref) =>
      registry.tasks.put(ref.tenantId, 'news', { abstainBelow: 0.5 }, { base: 'minilm' }),
    async after(registry, ref, t) {
      t.match(await registry.tasks.get(ref.tenantId, 'news'), { abstainBelow: 0.5 });
    },
  },
  'delete a webhook': {
    async prepare(registry, ref) {
      const { id } = await registry.webhooks.create(ref.tenantId, { url: 'https://example.com' });
      await registry.webhooks.appendDelivery(ref.tenantId, id, {
        ...{ id: 'dlv_1', eventId: 'evt_1', type: 'job.failed', attempt: 1, at: '', ok: true, status: 200 },
        ...{ latencyMs: 1, error: null },
      });
    },
    async run(registry, ref) {
      for (const { id } of (await registry.webhooks.list(ref.tenantId)).data) {
        await registry.webhooks.delete(ref.tenantId, id);
      }
    },
    indexMayDiffer: true,
    async after(registry, ref, t) {
      t.same(await registry.webhooks.list(ref.tenantId), { data: [], nextCursor: null });
    },
  },
};

async function attempt(world: World, scenario: Scenario, k: number, mode: 'before' | 'after', t: Test) {
  const healthy = await world.registry();
  await healthy.ensureIndexed();
  const ref = { ...(await plant(healthy)), user: 'Ada' };
  await scenario.prepare?.(healthy, ref);

  const fuse = createFuse(k, mode);
  const connection = new Redis(world.server.connect());
  const doomed = await createRegistry({
    ...{ store: fuse.store(world.store), redis: fuse.redis(connection) },
    ...{ clock: world.clock, newId: createIds(world.clock) },
  });
  await scenario.run(doomed, ref).catch((error: Error) => {
    if (!fuse.isDead()) throw error;
  });
  await doomed.close();
  connection.disconnect();
  // What the dead process held expires with time; nothing else of it changes.
  for (const lock of await world.redis.keys('{scion}:lock:*')) await world.redis.del(lock);

  const other = await world.registry();
  await scenario.between?.(other, ref, t);
  await scenario.run(other, ref);
  await scenario.after(other, ref, t, world);
  if (!scenario.indexMayDiffer) {
    const indexes = await dumpIndexes(world.redis);
    await other.rebuild();
    t.same(indexes, await dumpIndexes(world.redis), 'the indexes are those that the bucket gives');
  }
  return fuse.isDead();
}

for (const [name, scenario] of Object.entries(scenarios)) {
  t.test(`${name}: a death at any step, then a second try, gives the right state`, async (t) => {
    const world = await createWorld();
    t.teardown(world.close);
    for (const mode of ['before', 'after'] as const) {
      let k = 1;
      for (; ; k += 1) {
        if (!(await attempt(world, scenario, k, mode, t))) break;
      }
      t.comment(`${k - 1} steps, killed ${mode} each`);
      t.ok(k > 2, 'the fuse saw the steps');
    }
  });
}

t.test('a version or alias number taken by a writer whose lock was lost is never overwritten', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const ref = { ...(await plant(registry)), user: 'Ada' };
  const version = await registry.models.publish(ref, jobId, async (number) => {
    // While this job encodes, another one, which should have been locked out, takes the number.
    if (number === 1) await world.store.create(objectKeys.adapter(ref, 1), new Uint8Array([7]));
    return encodedVersion(ref, jobId, number);
  });
  t.equal(version.version, 2);
  t.same(await registry.models.adapter(ref, 1), new Uint8Array([7]));
  t.same(await registry.models.adapter(ref, 2), encodedVersion(ref, jobId, 2).adapter);
});
