import t from 'tap';
import { objectKeys } from './index.js';
import { jobId, publish, testFaults } from './testing/faults.js';
import { createWorld, encodedVersion, plant } from './testing/world.js';

testFaults({
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
});

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
