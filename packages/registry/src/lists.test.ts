import type { ModelRef, Page } from '@scion/contracts';
import t from 'tap';
import type { Registry } from './index.js';
import { createWorld, encodedVersion, plant } from './testing/world.js';

const world = await createWorld();
t.teardown(world.close);
const registry: Registry = await world.registry();

/** Every row of every page, whatever the size of the pages. */
async function all<T>(
  read: (page: { cursor?: string; limit: number }) => Promise<Page<T>>,
  limit = 2,
): Promise<T[]> {
  const rows: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await read({ limit, ...(cursor !== undefined && { cursor }) });
    rows.push(...page.data);
    if (page.nextCursor === null) return rows;
    cursor = page.nextCursor;
  }
}

async function train(ref: ModelRef): Promise<void> {
  const { job } = await registry.jobs.create(ref);
  await registry.models.publish(ref, job.id, (version) => ({
    ...encodedVersion(ref, job.id, version),
    card: {
      ...encodedVersion(ref, job.id, version).card,
      createdAt: new Date(world.clock()).toISOString(),
    },
  }));
  await registry.models.promote(ref, 1, job.id);
  await registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', version: 1, events: [] });
}

const { tenantId: a } = await plant(registry, 'mail');
const { tenantId: b } = await plant(registry, 'mail');
await registry.tasks.put(a, 'news', {}, { base: 'minilm' });
const models: ModelRef[] = [
  { tenantId: a, task: 'mail', user: 'ada' },
  { tenantId: a, task: 'mail', user: 'Bob Ü' },
  { tenantId: a, task: 'news', user: 'ada' },
  { tenantId: b, task: 'mail', user: 'ada' },
  { tenantId: b, task: 'mail', user: 'cy' },
];
const times: string[] = [];
for (const [at, ref] of models.entries()) {
  world.clock.advance(60_000);
  times.push(new Date(world.clock()).toISOString());
  // Every second one is trained; the others only have a job waiting.
  if (at % 2 === 0) await train(ref);
  else await registry.jobs.create(ref);
}
const named = (rows: ModelRef[]) =>
  rows.map(({ tenantId, task, user }) => [tenantId, task, user].join()).sort();
const wanted = (test: (ref: ModelRef, at: number) => boolean) => named(models.filter(test));

t.test('models are listed in pages of any size, of one tenant or of all', async (t) => {
  for (const limit of [1, 2, 3, 100]) {
    t.same(
      named(await all((page) => registry.models.list(null, page), limit)),
      wanted(() => true),
    );
    t.same(
      named(await all((page) => registry.models.list(a, page), limit)),
      wanted((ref) => ref.tenantId === a),
    );
  }
});

t.test('each row tells what is live and the last job', async (t) => {
  const [ada] = (await registry.models.list(a, { task: 'mail', user: 'ada' })).data;
  t.match(ada, {
    live: { version: 1, method: 'head', labels: 2, examples: 4, accuracy: 1 },
    lastJob: { state: 'succeeded', finishedAt: times[0] },
  });
  const [bob] = (await registry.models.list(a, { user: 'Bob Ü' })).data;
  t.match(bob, { live: null, lastJob: { state: 'queued', finishedAt: null } });
});

t.test('models are found by task, user, state and time, together with paging', async (t) => {
  const find = (tenantId: string | null, filter: object) =>
    all((page) => registry.models.list(tenantId, { ...filter, ...page }), 1).then(named);
  t.same(
    await find(null, { task: 'mail' }),
    wanted((ref) => ref.task === 'mail'),
  );
  t.same(
    await find(null, { user: 'ada' }),
    wanted((ref) => ref.user === 'ada'),
  );
  t.same(
    await find(a, { user: 'ada' }),
    wanted((ref) => ref.tenantId === a && ref.user === 'ada'),
  );
  t.same(await find(a, { user: 'nobody' }), []);
  t.same(
    await find(null, { state: 'live' }),
    wanted((_, at) => at % 2 === 0),
  );
  t.same(
    await find(null, { state: 'untrained' }),
    wanted((_, at) => at % 2 === 1),
  );
  t.same(
    await find(null, { from: times[2], to: times[4] }),
    wanted((_, at) => at === 2),
  );
});

t.test('jobs are found by tenant, task, user, state and time, together with paging', async (t) => {
  const find = (tenantId: string | null, filter: object) =>
    all((page) => registry.jobs.list(tenantId, { ...filter, ...page }), 1).then(named);
  t.same(
    await find(null, {}),
    wanted(() => true),
  );
  t.same(
    await find(b, {}),
    wanted((ref) => ref.tenantId === b),
  );
  t.same(
    await find(null, { state: 'queued' }),
    wanted((_, at) => at % 2 === 1),
  );
  t.same(
    await find(null, { task: 'mail', state: 'succeeded' }),
    wanted((ref, at) => at % 2 === 0 && ref.task === 'mail'),
  );
  t.same(
    await find(null, { user: 'ada' }),
    wanted((ref) => ref.user === 'ada'),
  );
  t.same(
    await find(a, { user: 'ada' }),
    wanted((ref) => ref.tenantId === a && ref.user === 'ada'),
  );
  t.same(
    await find(a, { user: 'ada', task: 'news' }),
    wanted((_, at) => at === 2),
  );
  t.same(
    await find(null, { from: times[1], to: times[3] }),
    wanted((_, at) => at === 1 || at === 2),
  );
  t.same(await find(a, { from: times[3] }), []);
});

t.test('a cursor of another tenant’s list is refused', async (t) => {
  const { nextCursor } = await registry.models.list(b, { limit: 1 });
  t.ok(nextCursor);
  await t.rejects(registry.models.list(a, { cursor: nextCursor ?? '' }), { code: 'invalid_request' });
  await t.rejects(registry.models.list(a, { cursor: 'bm8' }), { code: 'invalid_request' });
});
