import type { Job } from '@scion/contracts';
import t from 'tap';
import type { JobRef } from './index.js';
import { createWorld, plant } from './testing/world.js';

const refOf = ({ id, tenantId, task, user }: Job): JobRef => ({ tenantId, task, user, jobId: id });

t.test('pausing', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const planted = await plant(registry);
  let users = 0;
  const create = async () => (await registry.jobs.create({ ...planted, user: `user ${users++}` })).job;
  const { tenantId } = planted;

  await t.test('a paused job is unfinished but is not put back into the queue, nor joined', async (t) => {
    const job = await create();
    await registry.jobs.requestPause(tenantId, job.id);
    t.match(
      await registry.jobs.create(job),
      { joined: false },
      'one about to be paused is not joined either',
    );
    t.match(await registry.jobs.settlePause(refOf(job)), { state: 'paused', stage: null, progress: 0 });
    const queued = [];
    for await (const { id } of registry.jobs.unfinished()) queued.push(id);
    t.notOk(queued.includes(job.id));
    t.match((await registry.jobs.list(tenantId, { state: 'paused' })).data, [{ id: job.id }]);
    t.match(await registry.jobs.create(job), { joined: true, job: { state: 'queued' } });
  });

  await t.test('it is still paused after Redis was lost', async (t) => {
    const job = await create();
    await registry.jobs.requestPause(tenantId, job.id);
    await registry.jobs.settlePause(refOf(job));
    await registry.rebuild();
    t.match(await registry.jobs.get(tenantId, job.id), { state: 'paused' });
    for await (const { id } of registry.jobs.unfinished()) t.not(id, job.id);
    t.ok(await registry.jobs.pauseRequested(refOf(job)));
  });

  await t.test('resumed before it had stopped, it goes back to the queue instead', async (t) => {
    const job = await create();
    await registry.jobs.update(refOf(job), { state: 'running', stage: 'head', progress: 0.3 });
    await registry.jobs.requestPause(tenantId, job.id);
    t.match(await registry.jobs.resume(tenantId, job.id), { state: 'running' });
    t.match(await registry.jobs.settlePause(refOf(job)), { state: 'queued', stage: null, progress: 0 });
  });

  await t.test('resumed, it is queued; ended, it can do neither', async (t) => {
    const job = await create();
    await registry.jobs.requestPause(tenantId, job.id);
    await registry.jobs.settlePause(refOf(job));
    t.match(await registry.jobs.resume(tenantId, job.id), { state: 'queued' });
    t.notOk(await registry.jobs.pauseRequested(refOf(job)));
    await registry.jobs.finish(refOf(job), { state: 'cancelled', events: [] });
    await t.rejects(registry.jobs.requestPause(tenantId, job.id), { code: 'job_finished' });
    await t.rejects(registry.jobs.resume(tenantId, job.id), { code: 'job_finished' });
    await t.rejects(registry.jobs.settlePause(refOf(job)), { code: 'job_finished' });
  });
});
