import t from 'tap';
import { createWorld } from './testing/world.js';

const world = await createWorld();
t.teardown(() => world.close());
t.setTimeout(60_000);
const { registry, queue, tenantId } = world;

t.test(
  'a running job that is paused stops, waits as long as it is told, and trains when resumed',
  async (t) => {
    await world.spawnWorker({ env: { SCION_THREADS: '1' } });
    const ref = await world.addExamples('ada', { perLabel: 120 });
    const job = await world.requestJob(ref);
    for await (const { stage } of queue.events.subscribe(job.id)) if (stage === 'head') break;
    await registry.jobs.requestPause(tenantId, job.id);
    t.equal(await queue.requestPause(job.id), 'signalled');
    for await (const { state } of queue.events.subscribe(job.id)) if (state === 'paused') break;
    t.match(await registry.jobs.get(tenantId, job.id), { state: 'paused', stage: null, progress: 0 });
    t.same((await registry.models.versions(ref)).data, []);

    const other = await world.addExamples('bob');
    t.match(await world.ended(await world.requestJob(other)), { state: 'succeeded' }, 'its worker is free');

    const resumed = await registry.jobs.resume(tenantId, job.id);
    t.equal(resumed.state, 'queued');
    await queue.resumeTraining({ jobId: job.id, ...ref });
    t.match(await world.ended(job), { state: 'succeeded', version: 1 });
  },
);
