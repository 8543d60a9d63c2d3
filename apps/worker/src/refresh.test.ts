import { type Card, createIds, type ModelRef, type TaskSpec } from '@scion/contracts';
import { createQueue } from '@scion/queue';
import { createRegistry, objectKeys } from '@scion/registry';
import { createMemoryStore } from '@scion/store';
import { createTestClock, startRedis } from '@scion/testkit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import pino from 'pino';
import t from 'tap';
import { createRefresh, retrainIn } from './refresh.js';

const hour = 3_600_000;
const at = (ms: number): string => new Date(ms).toISOString();

t.test('when a model is trained without being asked', async (t) => {
  const nowMs = Date.UTC(2026, 0, 2);
  const facts = { nowMs, fresh: 5, trainedAtMs: nowMs - hour, lastJob: undefined };

  t.equal(retrainIn({ afterExamples: 5 }, false, facts), 0, 'enough new examples');
  t.equal(retrainIn({ afterExamples: 6 }, false, facts), undefined, 'too few');
  t.equal(retrainIn({ afterExamples: 5 }, false, { ...facts, trainedAtMs: undefined }), 0, 'never trained');
  t.equal(retrainIn({ afterExamples: 5, atMostEverySeconds: 7_200 }, false, facts), hour, 'too soon: later');
  t.equal(retrainIn({ nightly: true }, false, facts), undefined, 'by day the night’s rule is silent');
  t.equal(retrainIn({ nightly: true }, true, facts), 0, 'by night any new example counts');
  t.equal(retrainIn({ nightly: true }, true, { ...facts, fresh: 0 }), undefined, 'but one there must be');
  t.equal(retrainIn({ schedule: '0 * * * *' }, true, facts), 0, 'as at the moments of a schedule');
  const lastJob = (state: 'queued' | 'running' | 'paused' | 'failed', agoMs: number) => ({
    ...facts,
    lastJob: {
      state,
      createdAt: at(nowMs - agoMs),
      finishedAt: state === 'failed' ? at(nowMs - agoMs) : null,
    },
  });
  t.equal(retrainIn({ afterExamples: 1 }, false, lastJob('queued', 1)), undefined, 'one waits already');
  t.equal(retrainIn({ afterExamples: 1 }, false, lastJob('paused', 1)), undefined, 'somebody paused it');
  t.equal(retrainIn({ afterExamples: 1 }, false, lastJob('running', 1)), 60_000, 'one runs: look again');
  t.equal(retrainIn({ afterExamples: 1 }, false, lastJob('failed', hour)), undefined, 'failed today');
  t.equal(retrainIn({ afterExamples: 1 }, false, lastJob('failed', 25 * hour)), 0, 'failed yesterday');

  fc.assert(
    fc.property(
      fc.nat(30),
      fc.integer({ min: 1, max: 10 }),
      fc.nat(1_000),
      fc.nat(2_000),
      (fresh, n, every, ago) => {
        const policy = { afterExamples: n, atMostEverySeconds: every };
        const wait = retrainIn(policy, false, {
          ...{ nowMs, fresh, lastJob: undefined },
          trainedAtMs: nowMs - ago * 1_000,
        });
        if (wait === undefined) return fresh < n;
        return fresh >= n && wait === Math.max(0, (every - ago) * 1_000);
      },
    ),
  );
});

t.test('looks make jobs', async (t) => {
  const server = await startRedis();
  const redis = new Redis(server.path);
  const clock = createTestClock(Date.UTC(2026, 0, 2, 2));
  const memory = createMemoryStore();
  let reads = 0;
  const get: typeof memory.get = (key, ...rest) => {
    if (key.includes('/examples/')) reads += 1;
    return memory.get(key, ...rest);
  };
  const registry = await createRegistry({
    ...{ store: { ...memory, get }, redis, clock, newId: createIds(clock) },
  });
  const queue = createQueue({ connection: server.path, clock });
  t.teardown(async () => {
    await registry.close();
    await queue.close();
    redis.disconnect();
    await server.close();
  });
  const ordered: { user?: string; occasion: string; delayMs: number }[] = [];
  const scheduled: [task: string, pattern: string | undefined][] = [];
  const refresh = createRefresh({
    registry,
    queue: {
      enqueueTraining: queue.enqueueTraining,
      events: queue.events,
      changes: queue.changes,
      async scheduleTask({ task }, pattern) {
        scheduled.push([task, pattern]);
      },
      async enqueueRefresh({ user, occasion }, delayMs = 0) {
        ordered.push({ ...(user !== undefined && { user }), occasion, delayMs });
      },
    },
    clock,
    log: pino({ level: 'silent' }),
  });
  const { id: tenantId } = await registry.tenants.create({ name: 'Orchard' });
  const make = async (task: string, user: string, spec: Partial<TaskSpec>, labels: string[]) => {
    await registry.tasks.put(tenantId, task, spec, { base: 'b' });
    const ref: ModelRef = { tenantId, task, user };
    await registry.examples.append(
      ref,
      labels.map((label, n) => ({ id: `${n}`, input: `text ${n}`, label })),
    );
    return ref;
  };
  const jobsOf = async ({ task, user }: ModelRef) =>
    (await registry.jobs.list(tenantId, { task, user })).data;
  const four = ['a', 'b', 'a', 'b'];

  await t.test('one bulk job for a model that is due, however often it is looked at', async (t) => {
    const ref = await make('after', 'ada', { retrain: { afterExamples: 4 } }, four);
    for (const occasion of ['after-4', 'after-4', 'due-1']) await refresh({ ...ref, occasion });
    t.match(await jobsOf(ref), [{ state: 'queued', priority: 'bulk' }]);
    t.equal((await jobsOf(ref)).length, 1);
    t.equal((await queue.counts()).training.waiting, 1);
  });

  await t.test('none where it could only fail, where there is no policy, or no task any more', async (t) => {
    const few = await make('few', 'ada', { retrain: { afterExamples: 2 } }, ['a', 'a']);
    const none = await make('none', 'ada', {}, four);
    for (const ref of [few, none, { ...none, task: 'gone' }]) await refresh({ ...ref, occasion: 'x' });
    t.same([await jobsOf(few), await jobsOf(none)], [[], []]);
  });

  await t.test('nothing is done, and nothing fails, while an import of the user is half done', async (t) => {
    const ref = await make('imported', 'ada', { retrain: { afterExamples: 4 } }, four);
    const marker = objectKeys.importing(tenantId, 'ada');
    await memory.put(marker, Buffer.from(JSON.stringify({ at: at(clock()), objects: [] })));
    await refresh({ ...ref, occasion: 'after-4' });
    await refresh({ ...ref, occasion: 'compact', compact: 1 });
    await memory.delete(marker);
    t.same(await jobsOf(ref), []);
    t.equal(await registry.examples.count(ref), 4);
  });

  await t.test('none of examples that were stored for a task of another kind', async (t) => {
    const retrain = { afterExamples: 1 };
    for (const user of ['old', 'mixed']) await make('anew', user, { retrain }, four);
    await registry.tasks.delete(tenantId, 'anew');
    await registry.tasks.put(tenantId, 'anew', { kind: 'regression', retrain }, { base: 'b' });
    const values = [1, 2, 3, 4].map((label) => ({ id: `value ${label}`, input: `text ${label}`, label }));
    await registry.examples.append({ tenantId, task: 'anew', user: 'mixed' }, values);
    for (const user of ['old', 'mixed']) {
      const ref = { tenantId, task: 'anew', user };
      for (const night of [true, false]) await refresh({ ...ref, night, occasion: 'x' });
      t.same(await jobsOf(ref), [], user);
    }
  });

  await t.test(
    'a night orders looks only for tasks that want it, spread over hours, the same each time',
    async (t) => {
      for (const user of ['ada', 'bob', 'carol', 'dora'])
        await make('night', user, { retrain: { nightly: true } }, four);
      await refresh({ occasion: 'night' });
      const first = ordered.splice(0);
      t.same(
        first.map(({ user }) => user),
        ['ada', 'bob', 'carol', 'dora'],
      );
      t.ok(first.every(({ delayMs }) => delayMs >= 0 && delayMs < 4 * hour));
      t.equal(new Set(first.map(({ delayMs }) => delayMs)).size, 4);
      t.equal(first[0]?.occasion, 'night-2026-01-02');
      await refresh({ occasion: 'night' });
      t.same(ordered.splice(0), first);
    },
  );

  await t.test('a night removes the events of a tenant that are older than deliveries', async (t) => {
    const timestamp = at(clock() - 31 * 24 * hour);
    const data = { tenantId, quota: 'jobsPerDay', limit: 1, period: timestamp };
    const id = createIds(() => Date.parse(timestamp))('event');
    await registry.events.put({ id, tenantId, type: 'quota.exceeded', timestamp, data });
    await refresh({ occasion: 'night' });
    ordered.splice(0);
    t.same((await registry.events.list(tenantId)).data, []);
  });

  await t.test('a schedule orders looks at the models of its task, spread over half an hour', async (t) => {
    for (const user of ['ada', 'bob'])
      await make('timed', user, { retrain: { schedule: '0 18 * * 1' } }, four);
    const payload = { tenantId, task: 'timed', occasion: 'schedule' };
    await refresh(payload);
    const first = ordered.splice(0);
    t.same(
      first.map(({ user }) => user),
      ['ada', 'bob'],
    );
    t.ok(first.every(({ delayMs }) => delayMs >= 0 && delayMs < 1_800_000));
    await refresh(payload);
    t.same(ordered.splice(0), first, 'tried again, the same');
    await registry.tasks.put(tenantId, 'timed', {}, { base: 'b' });
    clock.advance(1_000);
    await refresh(payload);
    t.same(ordered.splice(0), []);
    t.same(scheduled, [['timed', undefined]], 'what is no longer wanted is taken back');
    await refresh({ ...payload, task: 'gone' });
    t.same(scheduled.at(-1), ['gone', undefined]);
  });

  await t.test('while one runs, the look is repeated later, once for many', async (t) => {
    const ref = await make('busy', 'ada', { retrain: { afterExamples: 1 } }, four);
    const { job } = await registry.jobs.create(ref);
    await registry.jobs.update({ ...ref, jobId: job.id }, { state: 'running' });
    for (const occasion of ['after-4', 'after-5']) await refresh({ ...ref, occasion });
    const looks = ordered.splice(0);
    t.match(looks, [{ delayMs: 60_000 }, { delayMs: 60_000 }]);
    t.equal(new Set(looks.map(({ occasion }) => occasion)).size, 1);
    t.equal((await jobsOf(ref)).length, 1);
  });

  /** A model whose newest version was trained on what there is, and whose job has ended. */
  const train = async (ref: ModelRef, aheadMs = 0) => {
    const { job } = await registry.jobs.create(ref);
    const createdAt = at(clock() + aheadMs);
    const { dataSha256 } = await registry.examples.all(ref);
    await registry.models.publish(ref, job.id, (version) => ({
      card: { task: ref.task, version, createdAt, jobId: job.id, method: 'head', dataSha256 } as Card,
      adapter: new Uint8Array(),
      adapterSha256: '',
    }));
    await registry.jobs.update({ ...ref, jobId: job.id }, { state: 'running' });
    await registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'cancelled', events: [] });
    clock.advance(1_000);
  };
  const rows = (from: number, to: number, label?: string) =>
    Array.from({ length: to - from }, (_, n) => ({
      id: `${from + n}`,
      input: `text ${from + n}`,
      label: label ?? (n % 2 ? 'a' : 'b'),
    }));

  await t.test('examples that took the place of others count, whatever their number', async (t) => {
    const changes: [string, (ref: ModelRef) => Promise<unknown>][] = [
      ['labelled anew', (ref) => registry.examples.append(ref, rows(0, 3, 'c'))],
      [
        'fewer than before',
        async (ref) => {
          for (const id of ['0', '1', '2', '3']) await registry.examples.delete(ref, id);
          await registry.examples.append(ref, rows(10, 13));
        },
      ],
    ];
    for (const [user, change] of changes) {
      for (const [night, retrain] of [
        [true, { nightly: true }],
        [false, { afterExamples: 3 }],
      ] as const) {
        const ref = await make(night ? 'by-night' : 'by-day', user, { retrain }, []);
        await registry.examples.append(ref, rows(0, 8));
        clock.advance(1_000);
        await train(ref);
        await change(ref);
        await refresh({ ...ref, night, occasion: 'x' });
        t.match(await jobsOf(ref), [{ state: 'queued' }, {}], `${user} ${night ? 'by night' : 'by day'}`);
      }
    }
  });

  await t.test('what a job did not see, though it came no later, is seen in the night', async (t) => {
    const ref = await make('race', 'ada', { retrain: { nightly: true } }, four);
    // By the worker's clock, or while it read.
    await train(ref, 2_000);
    await refresh({ ...ref, night: true, occasion: 'x' });
    t.equal((await jobsOf(ref)).length, 1, 'it has seen all');
    await registry.examples.append(ref, rows(10, 11));
    clock.advance(2_000);
    await refresh({ ...ref, night: true, occasion: 'x' });
    t.equal((await jobsOf(ref)).length, 2);
  });

  await t.test('an append does not read what came since the version unless it can be enough', async (t) => {
    const wanted = 60;
    const ref = await make('often', 'ada', { retrain: { afterExamples: wanted } }, [...four, ...four]);
    await train(ref);
    reads = 0;
    for (let n = 1; n <= wanted; n += 1) {
      // As the API does; the first replace what is there.
      await registry.examples.append(ref, rows(n + 3, n + 4, 'c'));
      if (await queue.changes.note(ref, 1, wanted)) await refresh({ ...ref, occasion: `after-${n}` });
      t.equal((await jobsOf(ref)).length, n < wanted ? 1 : 2, `${n}`);
    }
    t.ok(reads < 3 * wanted, `${reads} segments were read`);
  });

  await t.test('replacing one example again and again is one change, and is found to be', async (t) => {
    const ref = await make('again', 'ada', { retrain: { afterExamples: 5 } }, [...four, 'a']);
    await train(ref);
    const append = async (from: number, label: string) => {
      await registry.examples.append(ref, rows(from, from + 1, label));
      if (await queue.changes.note(ref, 1, 5)) await refresh({ ...ref, occasion: 'x' });
      return (await jobsOf(ref)).length;
    };
    for (const label of ['c', 'd', 'e', 'f', 'g', 'h', 'b']) t.equal(await append(0, label), 1);
    for (const at of [11, 12, 13]) t.equal(await append(at, 'b'), 1);
    t.equal(await append(14, 'a'), 2, 'five are fresh');
  });
});
