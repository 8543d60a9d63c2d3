import type { ModelRef } from '@scion/contracts';
import type { JobRef, Registry } from './index.js';
import { testFaults } from './testing/faults.js';
import { gate } from './testing/world.js';

/** The one job that `prepare` made. */
async function onlyJob(registry: Registry, ref: ModelRef): Promise<JobRef> {
  const { data } = await registry.jobs.list(ref.tenantId, { task: ref.task, user: ref.user });
  return { ...ref, jobId: data[0]?.id ?? '' };
}
const createJob = async (registry: Registry, ref: ModelRef): Promise<void> => {
  await registry.jobs.create(ref);
};

testFaults({
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
});
