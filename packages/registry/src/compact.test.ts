import type { Example, ModelRef } from '@scion/contracts';
import { createMemoryStore, type ObjectStore } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';
import { objectKeys } from './index.js';
import { modelName } from './indexes.js';
import { createWorld, plant } from './testing/world.js';

/** Calls `before` ahead of each read or listing of a segment. */
function watched(inner: ObjectStore): { store: ObjectStore; hook: { before(key: string): Promise<void> } } {
  const hook = { before: async (_key: string): Promise<void> => {} };
  return {
    hook,
    store: {
      ...inner,
      async get(key) {
        await hook.before(key);
        return inner.get(key);
      },
      async put(key, body) {
        const info = await inner.put(key, body);
        await hook.before(`put ${key}`);
        return info;
      },
    },
  };
}

const { store, hook } = watched(createMemoryStore());
const world = await createWorld(store);
t.teardown(world.close);
const [registry, other] = [await world.registry(), await world.registry()];
await registry.ensureIndexed();
const planted = await plant(registry);
let users = 0;
const newRef = (): ModelRef => {
  users += 1;
  return { ...planted, user: `user ${users}` };
};
const segmentsOf = async (ref: ModelRef) => (await store.list(objectKeys.segmentsPrefix(ref))).objects.length;

async function exported(ref: ModelRef): Promise<Example[]> {
  const rows: Example[] = [];
  for await (const row of await registry.examples.export(ref)) rows.push(row);
  return rows;
}

t.test('compaction changes nothing that a reader can tell, at any point of any history', async (t) => {
  const step = fc.oneof(
    fc.record({ add: fc.nat(5), text: fc.nat(3) }),
    fc.record({ remove: fc.nat(5) }),
    fc.constant({ compact: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.nat(100), async (steps, sinceMs) => {
      const ref = newRef();
      const since = world.clock() + sinceMs;
      const expected = new Map<string, string>();
      for (const one of steps) {
        world.clock.advance(10);
        if ('add' in one) {
          const [id, input] = [`e${one.add}`, `text ${one.text}`];
          await registry.examples.append(ref, [{ id, input, label: 'like' }]);
          if (expected.get(id) !== input) {
            expected.delete(id);
            expected.set(id, input);
          }
        } else if ('remove' in one) {
          const id = `e${one.remove}`;
          if (expected.delete(id)) await registry.examples.delete(ref, id);
        } else {
          const before = (await registry.examples.all(ref)).examples;
          await registry.examples.compact(ref);
          t.same((await registry.examples.all(ref)).examples, before);
        }
      }
      const { examples } = await other.examples.all(ref);
      t.same(
        examples.map(({ id, input }) => [id, input]),
        [...expected],
      );
      t.same(await exported(ref), examples);
      t.same((await registry.examples.list(ref)).data, examples);
      t.equal(await registry.examples.count(ref), examples.length);
      const later = examples.filter(({ createdAt }) => Date.parse(createdAt) > since);
      t.equal(await registry.examples.countSince(ref, since), later.length);
    }),
    { numRuns: 40 },
  );
});

t.test('many small segments become one, and cursors of before go on', async (t) => {
  const ref = newRef();
  for (let n = 0; n < 40; n += 1) {
    await registry.examples.append(ref, [{ id: `e${n}`, input: `${n}`, label: 'like' }]);
  }
  const page = await registry.examples.list(ref, { limit: 10 });
  t.same(await registry.examples.compact(ref), { before: 40, after: 1, examples: 40 });
  t.same(await registry.examples.compact(ref), { before: 1, after: 1, examples: 40 }, 'then nothing is done');
  const rest = await registry.examples.list(ref, { cursor: page.nextCursor ?? '' });
  const seen = new Set([...page.data, ...rest.data].map(({ id }) => id));
  t.equal(seen.size, 40, 'none is left out');
});

t.test('who reads while segments are compacted sees every example once', async (t) => {
  for (const read of ['all', 'list', 'export'] as const) {
    const ref = newRef();
    for (let n = 0; n < 5; n += 1) {
      await registry.examples.append(ref, [{ id: `e${n}`, input: `${n}`, label: 'like' }]);
    }
    let reads = 0;
    hook.before = async (key) => {
      if (!key.startsWith(objectKeys.segmentsPrefix(ref))) return;
      reads += 1;
      // In the middle of the first read, and for an export in the middle of its second pass.
      if (reads !== (read === 'export' ? 8 : 2)) return;
      hook.before = async () => {};
      await other.examples.compact(ref);
    };
    const rows =
      read === 'all'
        ? (await registry.examples.all(ref)).examples
        : read === 'list'
          ? (await registry.examples.list(ref)).data
          : await exported(ref);
    t.same(
      rows.map(({ id }) => id),
      ['e0', 'e1', 'e2', 'e3', 'e4'],
      read,
    );
    t.equal(await segmentsOf(ref), 1, 'it was compacted meanwhile');
  }
});

t.test('a compaction that froze past its lock takes back its copies, and removes nothing', async (t) => {
  const ref = newRef();
  await registry.examples.append(ref, [{ id: 'a', input: 'secret pear', label: 'like' }]);
  await registry.examples.append(ref, [{ id: 'b', input: 'two', label: 'like' }]);
  hook.before = async (key) => {
    if (!key.startsWith('put ')) return;
    hook.before = async () => {};
    // Its lock runs out; meanwhile another process deletes an example and compacts.
    await world.redis.del(`{scion}:lock:examples:${modelName(ref)}`);
    await other.examples.delete(ref, 'a');
    await other.examples.compact(ref);
  };
  await t.rejects(registry.examples.compact(ref), { code: 'overloaded' });
  const { examples } = await registry.examples.all(ref);
  t.same(
    examples.map(({ id }) => id),
    ['b'],
  );
  t.equal(await segmentsOf(ref), 1);
});

t.test('counting what is new reads no segment of before', async (t) => {
  const ref = newRef();
  const append = (id: string) => registry.examples.append(ref, [{ id, input: id, label: 'like' }]);
  for (const id of ['a', 'b', 'c']) await append(id);
  const since = world.clock();
  world.clock.advance(1);
  await append('b');
  await append('d');
  await registry.examples.append(ref, [{ id: 'c', input: 'else', label: 'like' }]);
  const read: string[] = [];
  hook.before = async (key) => void read.push(key);
  t.teardown(() => {
    hook.before = async () => {};
  });
  t.equal(await registry.examples.countSince(ref, since), 2);
  t.equal(read.length, 2, 'b was there already, and left no segment');
});
