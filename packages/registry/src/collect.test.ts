import type { AliasEntry, ModelRef } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { liveSince } from './collect.js';
import { objectKeys } from './index.js';
import { createWorld, encodedVersion, plant } from './testing/world.js';

const dayMs = 86_400_000;
const world = await createWorld();
t.teardown(world.close);
const registry = await world.registry();
const other = await world.registry();
const by = 'key_1';
let made = 0;

async function model(retention: { lastVersions: number; liveDays: number }): Promise<ModelRef> {
  const planted = await plant(registry);
  await registry.tasks.put(planted.tenantId, planted.task, { retention }, { base: 'minilm' });
  return { ...planted, user: 'Ada' };
}
async function publish(ref: ModelRef, count = 1): Promise<string> {
  let jobId = '';
  for (let at = 0; at < count; at += 1) {
    made += 1;
    jobId = `job_${made}`;
    await registry.models.publish(ref, jobId, (version) => encodedVersion(ref, jobId, version));
  }
  return jobId;
}
const numbers = async (ref: ModelRef): Promise<number[]> =>
  (await registry.models.versions(ref)).data.map(({ version }) => version);

t.test('a version was live from its entry until the next one', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ version: fc.integer({ min: 1, max: 5 }), gap: fc.nat(100) }), { minLength: 1 }),
      fc.nat(500),
      (switches, since) => {
        let now = 0;
        const entries = switches.map(({ version, gap }): AliasEntry => {
          now += gap;
          return { version, at: new Date(now).toISOString(), by, reason: 'gate' };
        });
        // The plain reading: look at every millisecond from `since` to past the end.
        const expected = new Set<number>();
        for (let at = since; at <= Math.max(now, since) + 1; at += 1) {
          entries.forEach(({ version, at: from }, index) => {
            const until = Date.parse(entries[index + 1]?.at ?? '9999-01-01');
            if (Date.parse(from) <= at && at <= until) expected.add(version);
          });
        }
        t.same([...liveSince(entries, since)].sort(), [...expected].sort());
      },
    ),
    { numRuns: 100 },
  );
});

t.test('kept are the last N, the pinned, the live, and those live within D days', async (t) => {
  const ref = await model({ lastVersions: 2, liveDays: 3 });
  await publish(ref, 8);
  await registry.models.promoteTo(ref, 1, by);
  world.clock.advance(dayMs);
  await registry.models.promoteTo(ref, 2, by);
  world.clock.advance(2 * dayMs);
  await registry.models.promoteTo(ref, 4, by);
  await registry.models.setPinned(ref, 5, true, by);
  t.same(await registry.models.collect(ref), { removed: [3, 6], leftovers: 0, kept: 6 });
  t.same(await numbers(ref), [8, 7, 5, 4, 2, 1]);
  t.equal(await registry.models.adapter(ref, 3), undefined, 'the adapter is gone with its card');
  world.clock.advance(2 * dayMs);
  t.same(await registry.models.collect(ref), { removed: [1], leftovers: 0, kept: 5 }, 'live till 4 days ago');
  world.clock.advance(30 * dayMs);
  await registry.models.setPinned(ref, 5, false, by);
  t.same((await registry.models.collect(ref)).removed, [2, 5]);
  t.same(await numbers(ref), [8, 7, 4]);

  t.test('rolling back passes over what was collected', async (t) => {
    await t.rejects(registry.models.rollback(ref, { by }), { code: 'nothing_to_roll_back' });
    await registry.models.promoteTo(ref, 7, by);
    t.match(await registry.models.rollback(ref, { by }), { version: 4 });
    await t.rejects(registry.models.promoteTo(ref, 1, by), { code: 'version_not_found' });
  });
});

t.test('what training may go on from is kept of the live version alone, and is no version', async (t) => {
  const ref = await model({ lastVersions: 5, liveDays: 0 });
  const jobs = [await publish(ref), await publish(ref)];
  const bytes = new Uint8Array(1_000);
  const keep = (version: number, jobId: string) =>
    registry.models.keepWarmStart({ ...ref, jobId }, version, bytes);
  await t.rejects(keep(3, jobs[0]!), { code: 'version_not_found' });
  await t.rejects(keep(2, jobs[0]!), { code: 'version_not_found' }, 'made by another job');
  for (const [at, jobId] of jobs.entries()) await keep(at + 1, jobId);
  await registry.models.promoteTo(ref, 2, by);
  const stored = async () => (await registry.usage.levels(ref.tenantId)).storageBytes;
  const before = await stored();
  t.same(await registry.models.collect(ref), { removed: [], leftovers: 0, kept: 2 });
  t.equal(await registry.models.warmStart(ref, 1), undefined);
  t.same(Buffer.from((await registry.models.warmStart(ref, 2))!), Buffer.from(bytes));
  t.equal(before - (await stored()), 1_000, 'and no longer counted');
  // A death between the deletion of a version and that of what stands beside it.
  await publish(ref);
  await registry.models.promoteTo(ref, 3, by);
  await world.store.delete(objectKeys.card(ref, 2));
  await world.store.delete(objectKeys.adapter(ref, 2));
  t.same(await registry.models.collect(ref), { removed: [], leftovers: 1, kept: 2 });
  t.equal(await registry.models.warmStart(ref, 2), undefined);
});

t.test(
  'nothing of an erased user’s training comes back, also not to a new one of the same name',
  async (t) => {
    const ref = await model({ lastVersions: 5, liveDays: 0 });
    const { job } = await registry.jobs.create(ref);
    const late = { ...ref, jobId: job.id };
    const version = await registry.models.publish(ref, job.id, (n) => encodedVersion(ref, job.id, n));
    await registry.users.erase({ tenantId: ref.tenantId, user: ref.user, by }, async () => {});
    await publish(ref);
    await t.rejects(registry.models.keepWarmStart(late, version.version, new Uint8Array(1)), {
      code: 'job_not_found',
    });
    t.equal(await registry.models.warmStart(ref, 1), undefined);
  },
);

t.test('what died in publishing is removed, but never the highest number', async (t) => {
  const ref = await model({ lastVersions: 5, liveDays: 0 });
  await publish(ref);
  await world.store.put(objectKeys.adapter(ref, 2), new Uint8Array([1]));
  t.same(await registry.models.collect(ref), { removed: [], leftovers: 0, kept: 1 });
  await publish(ref);
  t.same(await numbers(ref), [3, 1]);
  t.same(await registry.models.collect(ref), { removed: [], leftovers: 1, kept: 2 });
  t.equal(await world.store.get(objectKeys.adapter(ref, 2)), undefined);
});

t.test('a publisher whose folder was taken for a leftover does not publish half a version', async (t) => {
  const ref = await model({ lastVersions: 5, liveDays: 0 });
  const put = world.store.put;
  t.teardown(() => {
    world.store.put = put;
  });
  world.store.put = async (key, body) => {
    if (key === objectKeys.card(ref, 1)) await world.store.delete(objectKeys.adapter(ref, 1));
    return put(key, body);
  };
  await t.rejects(publish(ref), { code: 'overloaded' });
  t.same(await numbers(ref).catch(() => []), []);
});

t.test('while the live version is pinned no job replaces it, but a caller may', async (t) => {
  const ref = await model({ lastVersions: 5, liveDays: 0 });
  await registry.models.promote(ref, 1, await publish(ref));
  await registry.models.setPinned(ref, 1, true, by);
  const jobId = await publish(ref);
  await registry.models.promote(ref, 2, jobId);
  t.match(await registry.models.get(ref), { live: { version: 1, pinned: true }, history: { length: 1 } });
  await registry.models.promoteTo(ref, 2, by);
  const { live, history } = await registry.models.get(ref);
  t.match(live, { version: 2, pinned: undefined });
  t.match(history[0], { version: 2, by, reason: 'promotion' });
  await t.rejects(registry.models.setPinned(ref, 9, true, by), { code: 'version_not_found' });
});

t.test('no reader fails while versions are published, switched and collected', async (t) => {
  const ref = await model({ lastVersions: 1, liveDays: 0 });
  await publish(ref);
  await registry.models.promoteTo(ref, 1, by);
  let writing = true;
  const read = async (from: typeof registry): Promise<number> => {
    let reads = 0;
    while (writing) {
      // What a prediction does: look up, then load what it names.
      const live = await from.models.live(ref);
      if (!live) throw new Error('nothing is live');
      await new Promise(setImmediate);
      if (!(await from.models.adapter(ref, live.version))) throw new Error(`${live.version} is gone`);
      reads += 1;
    }
    return reads;
  };
  const readers = Promise.all([read(registry), read(other), read(other)]);
  const removed: number[] = [];
  for (let version = 2; version <= 25; version += 1) {
    await publish(ref);
    await registry.models.promoteTo(ref, version, by);
    if (version % 3 === 0) await registry.models.rollback(ref, { by });
    world.clock.advance(400_000);
    removed.push(...(await other.models.collect(ref)).removed);
  }
  writing = false;
  const reads = await readers;
  t.ok(
    reads.every((count) => count > 10),
    `reads: ${reads}`,
  );
  t.ok(removed.length > 10, `${removed.length} versions were removed meanwhile`);
});
