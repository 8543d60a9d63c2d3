import { createIds, type ModelRef } from '@scion/contracts';
import { listAll, type ObjectStore } from '@scion/store';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { createRegistry, type Registry } from '../index.js';
import { dumpIndexes } from './index-dump.js';
import { createWorld, encodedVersion, plant, type World } from './world.js';

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
  const reads = new Set(['get', 'mget', 'hget', 'hmget', 'exists', 'info', 'scan']);
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

export interface Scenario {
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

export const jobId = `job_${'0'.repeat(26)}`;
export const rows = [
  { id: 'a', input: 'new', label: 'skip' },
  { id: 'b', input: 'two', label: 'like' },
];
export const publish = (registry: Registry, ref: ModelRef, by = jobId) =>
  registry.models.publish(ref, by, (version) => encodedVersion(ref, by, version));

async function attempt(world: World, scenario: Scenario, k: number, mode: 'before' | 'after', t: Test) {
  // What attempts before left would make each rebuild longer.
  for await (const { key } of listAll(world.store, '')) await world.store.delete(key);
  await world.server.flush();
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
  // Else each message goes to the processes of all attempts.
  await Promise.all([healthy.close(), other.close()]);
  return fuse.isDead();
}

/** One test for each scenario; `test/bench/faults.mjs` makes its table of what they say. */
export function testFaults(scenarios: Record<string, Scenario>): void {
  // Some seconds on a machine of its own; an erasure alone has a hundred deaths.
  t.setTimeout(180_000);
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
}
