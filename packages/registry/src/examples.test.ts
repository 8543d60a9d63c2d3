import type { ExampleInput, ModelRef } from '@scion/contracts';
import { createMemoryStore } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';
import { nextSegmentId } from './example-segments.js';
import { objectKeys } from './index.js';
import { createWorld, plant } from './testing/world.js';

const input = (id: string, text = 'hello', label = 'like'): ExampleInput => ({ id, input: text, label });

t.test('a later segment sorts after the one before, whatever the clock says', async (t) => {
  const segment = fc
    .string({ unit: fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz'), minLength: 26, maxLength: 26 })
    .filter((ulid) => !/^z+$/.test(ulid))
    .map((ulid) => `seg_${ulid}`);
  fc.assert(
    fc.property(segment, segment, (last, fresh) => {
      const next = nextSegmentId(last, fresh);
      t.ok(next > last);
      t.match(next, /^seg_[0-9a-hjkmnp-tv-z]{26}$/);
    }),
  );
});

t.test('examples', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const other = await world.registry();
  const planted = await plant(registry);
  let users = 0;
  const newRef = (): ModelRef => ({ ...planted, user: `user ${users++}` });

  await t.test('an id decides: new is accepted, changed is replaced, the same is a duplicate', async (t) => {
    const ref = newRef();
    const first = await registry.examples.append(ref, [
      input('a'),
      input('b'),
      input('a'),
      input('b', 'else'),
    ]);
    t.match(first, { accepted: 2, replaced: 1, duplicates: 1, ids: ['a', 'b', 'a', 'b'], total: 2 });
    const second = await other.examples.append(ref, [input('a'), input('b', 'else'), input('c')]);
    t.match(second, { accepted: 1, replaced: 0, duplicates: 2, total: 3 });
    const { examples } = await registry.examples.all(ref);
    t.match(examples, [{ id: 'a' }, { id: 'b', input: 'else', weight: 1 }, { id: 'c' }]);
    t.equal(await registry.examples.count(ref), 3);
  });

  await t.test('duplicates alone write nothing', async (t) => {
    const ref = newRef();
    await registry.examples.append(ref, [input('a')]);
    const before = await world.store.list(objectKeys.segmentsPrefix(ref));
    await registry.examples.append(ref, [input('a')]);
    t.same(await world.store.list(objectKeys.segmentsPrefix(ref)), before);
  });

  await t.test('an example without an id gets one', async (t) => {
    const { ids } = await registry.examples.append(newRef(), [
      { input: 'x', label: 'like' },
      { input: 'x', label: 'like' },
    ]);
    t.match(ids, [/^exa_/, /^exa_/]);
    t.not(ids[0], ids[1]);
  });

  await t.test('the data hash depends on content alone', async (t) => {
    const [one, two, three] = [newRef(), newRef(), newRef()];
    await registry.examples.append(one, [input('a'), input('b')]);
    await registry.examples.append(two, [input('b')]);
    world.clock.advance(5);
    await registry.examples.append(two, [input('a')]);
    await registry.examples.append(three, [input('a'), input('b', 'other')]);
    const [h1, h2, h3] = await Promise.all(
      [one, two, three].map(async (ref) => (await registry.examples.all(ref)).dataSha256),
    );
    t.equal(h1, h2);
    t.not(h1, h3);
  });

  await t.test('any sequence of appends from two processes equals a map of ids', async (t) => {
    const row = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'ä', '__proto__', '!'),
      input: fc.constantFrom('x', 'y'),
      label: fc.constantFrom('like', 'skip'),
    });
    const batch = fc.record({ rows: fc.array(row, { minLength: 1, maxLength: 6 }), process: fc.nat(1) });
    const forget = fc.boolean();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(batch, forget), { maxLength: 8 }), async (steps) => {
        const ref = newRef();
        const model = new Map<string, string>();
        for (const [{ rows, process }, lost] of steps) {
          if (lost) await world.redis.flushall();
          const tally = { accepted: 0, replaced: 0, duplicates: 0 };
          for (const { id, ...content } of rows) {
            const text = JSON.stringify(content);
            const before = model.get(id);
            tally[before === undefined ? 'accepted' : before === text ? 'duplicates' : 'replaced'] += 1;
            model.set(id, text);
          }
          const answer = await [registry, other][process]?.examples.append(ref, rows);
          t.match(answer, { ...tally, total: model.size });
        }
        t.equal(await other.examples.count(ref), model.size);
        const { examples } = await registry.examples.all(ref);
        t.same(
          new Map(examples.map((e) => [e.id, JSON.stringify({ input: e.input, label: e.label })])),
          model,
        );
      }),
      { numRuns: 40 },
    );
  });

  await t.test('concurrent appends of two processes lose and double nothing', async (t) => {
    const ref = newRef();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 ? registry : other).examples.append(ref, [input(`own ${at}`), input('shared')]),
      ),
    );
    t.equal((await registry.examples.all(ref)).examples.length, 21);
    const sum = (name: 'accepted' | 'duplicates'): number =>
      answers.reduce((n, answer) => n + answer[name], 0);
    t.equal(sum('accepted'), 21);
    t.equal(sum('duplicates'), 19);
    t.equal(await other.examples.count(ref), 21);
  });

  await t.test('pages cover every example once, oldest first, whatever the size of a page', async (t) => {
    const ref = newRef();
    for (let at = 0; at < 4; at += 1) {
      await registry.examples.append(
        ref,
        Array.from({ length: 5 }, (_, n) => input(`${at}.${n}`, 'x')),
      );
    }
    await registry.examples.append(ref, [input('1.1', 'replaced')]);
    const all = (await registry.examples.all(ref)).examples;
    t.equal(all.at(-1)?.id, '1.1');
    for (const limit of [1, 3, 5, 7, 20, 100]) {
      const seen = [];
      let cursor: string | undefined;
      do {
        const page = await other.examples.list(ref, { limit, cursor });
        seen.push(...page.data);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      t.same(seen, all);
    }
    await t.rejects(registry.examples.list(ref, { cursor: 'Zm9v' }), { code: 'invalid_request' });
  });

  await t.test('an append to an unknown task stores nothing', async (t) => {
    const ref = { ...newRef(), task: 'unknown' };
    await t.rejects(registry.examples.append(ref, [input('a')]), { code: 'task_not_found' });
    t.same((await world.store.list(objectKeys.modelPrefix(ref))).objects, []);
  });

  await t.test('past the limit of a model nothing is stored, but replacing still works', async (t) => {
    const ref = newRef();
    for (let at = 0; at < 20; at += 1) {
      await registry.examples.append(
        ref,
        Array.from({ length: 1_000 }, (_, n) => input(`${at}.${n}`)),
      );
    }
    await t.rejects(registry.examples.append(ref, [input('one more')]), { code: 'quota_exceeded' });
    t.match(await registry.examples.append(ref, [input('1.1', 'new')]), { replaced: 1, total: 20_000 });
  });
});

t.test(
  'deleted examples are gone from lists, counts, exports and training, until they are sent again',
  async (t) => {
    const world = await createWorld();
    t.teardown(world.close);
    const registry = await world.registry();
    const ref = { ...(await plant(registry)), user: 'Ada' };
    const exported = async (): Promise<string[]> => {
      const inputs: string[] = [];
      for await (const { input } of await registry.examples.export(ref)) inputs.push(input);
      return inputs;
    };
    type Step = { op: 'put' | 'delete'; id: string } | { op: 'forget' };
    const step = fc.oneof(
      fc.record({
        op: fc.constantFrom('put' as const, 'delete' as const),
        id: fc.constantFrom('a', 'b', 'c'),
      }),
      fc.record({ op: fc.constant('forget' as const) }),
    );
    let texts = 0;
    // Of what the registry must hold, in the order in which the lines that count were stored.
    const model = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.array<Step>(step, { maxLength: 12 }), async (steps) => {
        for (const one of steps) {
          if (one.op === 'forget') await world.redis.flushall();
          else if (one.op === 'put') {
            texts += 1;
            await registry.examples.append(ref, [{ id: one.id, input: `text ${texts}`, label: 'like' }]);
            model.delete(one.id);
            model.set(one.id, `text ${texts}`);
          } else if (model.delete(one.id)) {
            await registry.examples.delete(ref, one.id);
          } else {
            await t.rejects(registry.examples.delete(ref, one.id), { code: 'example_not_found' });
          }
          const expected = [...model.values()];
          t.equal(await registry.examples.count(ref), expected.length);
          t.same(await exported(), expected);
        }
        const { examples } = await registry.examples.all(ref);
        t.same(
          examples.map(({ input }) => input),
          [...model.values()],
        );
        const { data } = await registry.examples.list(ref);
        t.same(
          data.map(({ input }) => input),
          [...model.values()],
        );
      }),
      { numRuns: 15 },
    );
    await t.rejects(registry.examples.delete(ref, ''), { code: 'example_not_found' });
    await t.rejects(registry.examples.delete({ ...ref, task: 'none' }, 'a'), { code: 'task_not_found' });
    await t.rejects(registry.examples.export({ ...ref, task: 'none' }), { code: 'task_not_found' });
  },
);

t.test('the first labels are read once, and again when they have changed or are erased', async (t) => {
  const store = createMemoryStore();
  let reads = 0;
  const get: typeof store.get = (key) => {
    if (key.includes('/examples/')) reads += 1;
    return store.get(key);
  };
  const world = await createWorld({ ...store, get });
  t.teardown(world.close);
  const [registry, other] = [await world.registry(), await world.registry()];
  const ref = { ...(await plant(registry)), user: 'ada' };
  const { firstLabels } = registry.examples;
  t.same(await firstLabels(ref), []);
  await registry.examples.append(
    ref,
    Array.from({ length: 101 }, (_, at) => input(`${at}`, 'x', at === 100 ? 'late' : 'like')),
  );
  t.same(new Set(await firstLabels(ref)), new Set(['like']));
  t.equal((await firstLabels(ref)).length, 100);
  const before = reads;
  await Promise.all([firstLabels(ref), firstLabels(ref)]);
  t.equal(reads, before, 'from memory');
  t.same(await firstLabels({ ...ref, user: 'bob' }), [], 'each user has their own');
  await registry.examples.delete(ref, '0');
  t.equal((await firstLabels(ref)).at(-1), 'late', 'a deletion is seen at once');
  await other.examples.append(ref, [input('1', 'x', 'skip')]);
  world.clock.advance(5_001);
  t.equal(
    (await firstLabels(ref)).at(-1),
    'skip',
    'another process’s change in seconds, whatever becomes of messages',
  );
  await registry.users.erase({ tenantId: ref.tenantId, user: 'ada', by: 'key_1' }, async () => {});
  t.same(await firstLabels(ref), [], 'and an erasure at once');
});

t.test('pages go on past a deletion made between them', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const ref = { ...(await plant(registry)), user: 'Ada' };
  for (const id of ['a', 'b', 'c', 'd'])
    await registry.examples.append(ref, [{ id, input: id, label: 'like' }]);
  const first = await registry.examples.list(ref, { limit: 2 });
  await registry.examples.delete(ref, 'a');
  await registry.examples.delete(ref, 'c');
  const second = await registry.examples.list(ref, { limit: 2, cursor: first.nextCursor ?? '' });
  t.same(
    [...first.data, ...second.data].map(({ id }) => id),
    ['a', 'b', 'd'],
  );
});
