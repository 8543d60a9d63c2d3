import type { Job, JobEvent, ModelRef } from '@scion/contracts';
import t from 'tap';
import type { JobRef } from './index.js';
import { createWorld, gate, plant } from './testing/world.js';

const refOf = ({ id, tenantId, task, user }: Job): JobRef => ({ tenantId, task, user, jobId: id });
const ended: JobEvent[] = [
  { seq: 1, at: '2026-01-01T00:00:00.000Z', type: 'state', state: 'running' },
  { seq: 2, at: '2026-01-01T00:00:01.000Z', type: 'state', state: 'succeeded' },
];

t.test('jobs', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const registry = await world.registry();
  const other = await world.registry();
  const planted = await plant(registry);
  let users = 0;
  const newRef = (): ModelRef => ({ ...planted, user: `user ${users++}` });

  await t.test(
    'a request joins the queued job of its model; while one runs, one follow-up queues',
    async (t) => {
      const ref = newRef();
      const first = await registry.jobs.create(ref);
      t.match(first, { joined: false, job: { state: 'queued', attempts: 0, version: null } });
      t.same(await other.jobs.create(ref), { job: first.job, joined: true });
      await other.jobs.update(refOf(first.job), { state: 'running', attempts: 1 });
      const follow = await registry.jobs.create(ref);
      t.match(follow, { joined: false });
      t.not(follow.job.id, first.job.id);
      t.same(await registry.jobs.create(ref), { job: follow.job, joined: true });
    },
  );

  await t.test('of many requests at once one makes a job and the others join it', async (t) => {
    const ref = newRef();
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 ? registry : other).jobs.create(ref)),
    );
    t.equal(new Set(made.map(({ job }) => job.id)).size, 1);
    t.equal(made.filter(({ joined }) => !joined).length, 1);
  });

  await t.test('a job about to be cancelled is not joined', async (t) => {
    const ref = newRef();
    const { job } = await registry.jobs.create(ref);
    t.notOk(await registry.jobs.cancelRequested(refOf(job)));
    await registry.jobs.requestCancel(ref.tenantId, job.id);
    t.ok(await other.jobs.cancelRequested(refOf(job)));
    t.match(await registry.jobs.create(ref), { joined: false });
  });

  await t.test('the first outcome stands, its events are kept, and nothing changes afterwards', async (t) => {
    const ref = newRef();
    const { job } = await registry.jobs.create(ref);
    t.equal(await registry.jobs.events(ref.tenantId, job.id), undefined);
    await registry.jobs.update(refOf(job), { state: 'running', stage: 'head', progress: 0.5 });
    world.clock.advance(1_000);
    const done = await registry.jobs.finish(refOf(job), {
      state: 'succeeded',
      version: 1,
      gate,
      events: ended,
    });
    t.match(done, { state: 'succeeded', stage: null, progress: 1, version: 1, gate: { promoted: true } });
    t.equal(Date.parse(done.finishedAt ?? '') - Date.parse(done.createdAt), 1_000);
    const late = { state: 'failed', failure: { code: 'internal', detail: 'late' }, events: [] } as const;
    t.same(await other.jobs.finish(refOf(job), { ...late, events: [] }), done);
    t.same(await other.jobs.get(ref.tenantId, job.id), done);
    t.same(await other.jobs.events(ref.tenantId, job.id), ended);
    await t.rejects(registry.jobs.update(refOf(job), { progress: 0 }), { code: 'job_finished' });
    await t.rejects(registry.jobs.requestCancel(ref.tenantId, job.id), { code: 'job_finished' });
  });

  await t.test('lists are newest first and filter by task, user and state, across pages', async (t) => {
    const tenant = await plant(registry, 'news');
    await registry.tasks.put(tenant.tenantId, 'mail', {}, { base: 'minilm' });
    const all: Job[] = [];
    for (let at = 0; at < 24; at += 1) {
      world.clock.advance(1);
      const ref = { ...tenant, task: at % 2 ? 'news' : 'mail', user: `u${at % 3}` };
      const { job } = await registry.jobs.create(ref);
      const state = (['queued', 'running', 'succeeded'] as const)[Math.floor(at / 8)];
      if (state === 'succeeded') all.unshift(await registry.jobs.finish(refOf(job), { state, events: [] }));
      else if (state === 'running') all.unshift(await registry.jobs.update(refOf(job), { state }));
      else all.unshift(job);
    }
    const current = new Map<string, Job>();
    for (const { id } of all) current.set(id, await registry.jobs.get(tenant.tenantId, id));
    const expected = [...current.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    for (const filter of [
      {},
      { task: 'news' },
      { user: 'u1' },
      { state: 'running' as const },
      { task: 'mail', state: 'succeeded' as const },
      { task: 'news', user: 'u0' },
      { task: 'news', user: 'u0', state: 'queued' as const },
      { user: 'nobody' },
    ]) {
      for (const limit of [2, 5, 100]) {
        const seen: Job[] = [];
        let cursor: string | undefined;
        do {
          const page = await other.jobs.list(tenant.tenantId, { ...filter, limit, cursor });
          t.ok(page.data.length <= limit);
          seen.push(...page.data);
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        const wanted = expected.filter((job) =>
          Object.entries(filter).every(([name, value]) => job[name as keyof Job] === value),
        );
        t.same(seen, wanted, JSON.stringify(filter));
      }
    }
  });

  await t.test('what is unfinished is known across tenants', async (t) => {
    const open = new Set<string>();
    for await (const job of registry.jobs.unfinished()) {
      t.match(job.state, /queued|running/);
      open.add(job.id);
    }
    const ref = newRef();
    const { job } = await registry.jobs.create(ref);
    const after: string[] = [];
    for await (const { id } of other.jobs.unfinished()) after.push(id);
    t.same(new Set(after), new Set([...open, job.id]));
  });

  await t.test('an unknown job, task or malformed id is not found', async (t) => {
    const unknown = `job_${'0'.repeat(26)}`;
    for (const id of [unknown, 'nonsense', '../x']) {
      await t.rejects(registry.jobs.get(planted.tenantId, id), { code: 'job_not_found' });
      await t.rejects(registry.jobs.load({ ...newRef(), jobId: id }), { code: 'job_not_found' });
    }
    await t.rejects(registry.jobs.create({ ...newRef(), task: 'none' }), { code: 'task_not_found' });
  });
});
