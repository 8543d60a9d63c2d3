import type { AliasEntry, ModelRef } from '@scion/contracts';
import { createMemoryStore } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';
import { liveStack } from './aliases.js';
import { objectKeys } from './index.js';
import { createWorld, encodedVersion, plant } from './testing/world.js';

const job = (name: string): string => `job_${name.padEnd(26, '0')}`;

t.test('rolling back walks into the past and never swings between two versions', async (t) => {
  const entry = (version: number, reason: AliasEntry['reason']): AliasEntry => ({
    ...{ version, reason, at: '2026-01-01T00:00:00.000Z', by: 'key' },
  });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (promoted) => {
      const entries = promoted.map((version) => entry(version, 'gate'));
      for (let left = promoted.length; left > 1; left -= 1) {
        const target = liveStack(entries).at(-2);
        t.equal(target, promoted[left - 2]);
        entries.push(entry(target ?? 0, 'rollback'));
      }
      t.equal(liveStack(entries).at(-2), undefined);
    }),
    { numRuns: 30 },
  );
  t.same(liveStack([entry(1, 'gate'), entry(2, 'gate'), entry(1, 'rollback'), entry(2, 'rollback')]), [1, 2]);
});

t.test('models', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const other = await world.registry();
  const planted = await plant(registry);
  let users = 0;
  const newRef = (): ModelRef => ({ ...planted, user: `Ada ${users++}@example.com` });
  const publish = (ref: ModelRef, jobId: string, from = registry) =>
    from.models.publish(ref, jobId, (version) => encodedVersion(ref, jobId, version));

  await t.test('a job publishes one version, however often it tries', async (t) => {
    const ref = newRef();
    const first = await publish(ref, job('a'));
    t.match(first, { version: 1, live: false });
    t.same(await publish(ref, job('a'), other), first);
    t.match(await publish(ref, job('b')), { version: 2 });
    t.same(
      (await registry.models.versions(ref)).data.map(({ version }) => version),
      [2, 1],
    );
    t.same(await registry.models.adapter(ref, 1), encodedVersion(ref, job('a'), 1).adapter);
    await t.rejects(registry.models.version(ref, 3), { code: 'version_not_found' });
    await t.rejects(registry.models.version(ref, 0.5), { code: 'version_not_found' });
  });

  await t.test('concurrent jobs of two processes publish under different numbers', async (t) => {
    const ref = newRef();
    const made = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name, at) => publish(ref, job(name), at % 2 ? registry : other)),
    );
    t.same(made.map(({ version }) => version).sort(), [1, 2, 3, 4, 5, 6]);
    for (const { version, card } of made) {
      t.same(await registry.models.adapter(ref, version), encodedVersion(ref, card.jobId, version).adapter);
    }
  });

  await t.test('a folder without a card is no version, and its number is not used again', async (t) => {
    const ref = newRef();
    await world.store.put(objectKeys.adapter(ref, 1), new Uint8Array([1]));
    t.match(await publish(ref, job('a')), { version: 2 });
    await t.rejects(registry.models.version(ref, 1), { code: 'version_not_found' });
    t.match(await registry.models.get(ref), { versions: 1 });
  });

  await t.test(
    'live follows a promotion at once here, by message or within a second elsewhere',
    async (t) => {
      const ref = newRef();
      t.equal(await other.models.live(ref), undefined);
      await publish(ref, job('a'));
      const entry = await registry.models.promote(ref, 1, job('a'));
      t.match(entry, { version: 1, by: job('a'), reason: 'gate' });
      t.match(await registry.models.live(ref), { version: 1, live: true, card: { jobId: job('a') } });
      t.match(await eventually(() => other.models.live(ref)), { version: 1, live: true });

      // A lost message: an entry that appears in the bucket without one.
      await publish(ref, job('b'));
      const { adapterSha256 } = await registry.models.version(ref, 2);
      const record = { version: 2, at: entry.at, by: job('b'), reason: 'gate', adapterSha256 };
      await world.store.put(objectKeys.live(ref, 2), new TextEncoder().encode(JSON.stringify(record)));
      t.match(await other.models.live(ref), { version: 1 });
      world.clock.advance(1_001);
      t.match(await other.models.live(ref), { version: 2 });
    },
  );

  await t.test('a job promotes once, also when it was rolled back since', async (t) => {
    const ref = newRef();
    for (const name of ['a', 'b']) {
      await publish(ref, job(name));
      await registry.models.promote(ref, name === 'a' ? 1 : 2, job(name));
    }
    await registry.models.rollback(ref, { by: 'key_1' });
    await other.models.promote(ref, 2, job('b'));
    t.match(await registry.models.live(ref), { version: 1 });
    t.same(
      (await registry.models.history(ref)).map(({ version, reason }) => `${reason} ${version}`),
      ['rollback 1', 'gate 2', 'gate 1'],
    );
    await t.rejects(registry.models.rollback(ref, { by: 'key_1' }), { code: 'nothing_to_roll_back' });
    await t.rejects(registry.models.rollback(ref, { version: 9, by: 'key_1' }), {
      code: 'version_not_found',
    });
    t.match(await registry.models.rollback(ref, { version: 2, by: 'key_1' }), { version: 2 });
    t.match(await registry.models.get(ref), { versions: 2, live: { version: 2 }, history: { length: 4 } });
    await t.rejects(registry.models.promote(ref, 3, job('c')), { code: 'version_not_found' });
  });

  await t.test('a job promotes what it has published itself, and nothing of another one', async (t) => {
    const ref = newRef();
    await publish(ref, job('a'));
    await t.rejects(registry.models.promote(ref, 1, job('b')), { code: 'version_not_found' });
    t.equal(await registry.models.live(ref), undefined);
  });

  await t.test('concurrent switches are all kept, and the last one is live', async (t) => {
    const ref = newRef();
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await publish(ref, job(name));
    await Promise.all(
      names.map((name, at) => (at % 2 ? registry : other).models.promote(ref, at + 1, job(name))),
    );
    const history = await registry.models.history(ref);
    t.equal(history.length, 4);
    world.clock.advance(1_001);
    t.equal((await registry.models.live(ref))?.version, history[0]?.version);
  });

  await t.test('no reader fails while live is switched', async (t) => {
    const ref = newRef();
    await publish(ref, job('a'));
    await registry.models.promote(ref, 1, job('a'));
    let switching = true;
    const reading = (async () => {
      const seen = new Set<number | undefined>();
      while (switching) {
        seen.add((await other.models.live(ref))?.version);
        await new Promise(setImmediate);
      }
      return seen;
    })();
    for (const [at, name] of ['b', 'c', 'd', 'e'].entries()) {
      await publish(ref, job(name));
      await registry.models.promote(ref, at + 2, job(name));
    }
    switching = false;
    t.notOk((await reading).has(undefined));
  });

  await t.test('a live version whose card is gone fails closed', async (t) => {
    const ref = newRef();
    await publish(ref, job('a'));
    await registry.models.promote(ref, 1, job('a'));
    await world.store.delete(objectKeys.card(ref, 1));
    const fresh = await world.registry();
    await t.rejects(fresh.models.live(ref), { code: 'artifact_invalid' });
  });

  await t.test(
    'models are listed by task with cursors, and unknown ones are told from untrained ones',
    async (t) => {
      const { tenantId } = await plant(registry, 'news');
      for (const user of ['Zoë', 'ada', 'x'.repeat(250)]) {
        await registry.examples.append({ tenantId, task: 'news', user }, [{ input: 'a', label: 'b' }]);
      }
      const page = await registry.models.list(tenantId, { task: 'news', limit: 2 });
      t.equal(page.data.length, 2);
      const rest = await registry.models.list(tenantId, { task: 'news', cursor: page.nextCursor ?? '' });
      t.same(
        new Set([...page.data, ...rest.data].map(({ user }) => user)),
        new Set(['Zoë', 'ada', 'x'.repeat(250)]),
      );
      t.same((await registry.models.list(tenantId, { task: 'new' })).data, []);
      t.match(await registry.models.get({ tenantId, task: 'news', user: 'Zoë' }), {
        versions: 0,
        live: null,
      });
      const unknown = { tenantId, task: 'news', user: 'nobody' };
      await t.rejects(registry.models.get(unknown), { code: 'user_not_found' });
      await t.rejects(registry.models.get({ ...unknown, task: 'none' }), { code: 'task_not_found' });
      await t.rejects(registry.models.rollback({ tenantId, task: 'news', user: 'ada' }, { by: 'key_1' }), {
        code: 'model_not_trained',
      });
    },
  );
});

/** Polls until a value appears: for messages that cross a socket, whose arrival nothing here can await. */
async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

t.test(
  'which version is live is looked up again each second, and read only when it is another',
  async (t) => {
    const reads: string[] = [];
    const store = createMemoryStore();
    const world = await createWorld({
      ...store,
      get(key) {
        reads.push(key);
        return store.get(key);
      },
    });
    t.teardown(world.close);
    const registry = await world.registry();
    const ref = { ...(await plant(registry)), user: 'ada' };
    for (const name of ['a', 'b'])
      await registry.models.publish(ref, job(name), (version) => encodedVersion(ref, job(name), version));
    await registry.models.promote(ref, 1, job('a'));
    const process = await world.registry();
    const first = await process.models.live(ref);
    reads.length = 0;
    for (let count = 0; count < 3; count += 1) {
      world.clock.advance(1_001);
      t.same(await process.models.live(ref), first);
    }
    t.same(reads, [], 'nothing was read while nothing changed');
    // As after an erasure that nobody told this process of: the same number, other bytes.
    const { adapterSha256 } = encodedVersion(ref, job('b'), 2);
    const record = { version: 2, by: 'key', reason: 'manual', at: '2026-01-01T00:00:00.000Z', adapterSha256 };
    await store.put(objectKeys.live(ref, 1), new TextEncoder().encode(JSON.stringify(record)));
    world.clock.advance(1_001);
    t.match(await process.models.live(ref), { version: 2 });
  },
);
