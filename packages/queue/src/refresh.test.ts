import { Retrain } from '@scion/contracts';
import { Queue as BullQueue } from 'bullmq';
import fc from 'fast-check';
import t from 'tap';
import type { RefreshPayload } from './index.js';
import { createWorld, until } from './testing/world.js';

t.test('looks at models', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const [api, worker] = [world.queue(), world.queue()];

  await t.test('one look for a model and occasion, each with its payload', async (t) => {
    const ref = { tenantId: 'ten_1', task: 'mail', user: 'a:b' };
    await Promise.all(
      ['after-1', 'after-1', 'after-2'].map((occasion) => api.enqueueRefresh({ ...ref, occasion })),
    );
    await api.enqueueRefresh({ ...ref, occasion: 'later' }, 3_600_000);
    const seen: RefreshPayload[] = [];
    const consumer = await worker.processRefreshes(async (payload) => void seen.push(payload), {
      concurrency: 1,
    });
    await until(async () => seen.length === 2);
    await consumer.close();
    t.same(seen.map(({ occasion }) => occasion).sort(), ['after-1', 'after-2']);
    t.match(seen[0], ref);
  });

  await t.test(
    'a look that an erasure, or a loss of Redis, overtakes does not stop later ones',
    async (t) => {
      const ref = { tenantId: 'ten_1', task: 'mail', user: 'ada' };
      const losses = { erasure: () => api.forgetLooks(ref), loss: () => world.server.flush() };
      for (const [name, lose] of Object.entries(losses)) {
        await api.changes.note(ref, 10_000, 50);
        const noted = await worker.changes.noted(ref);
        await lose();
        await worker.changes.lacked(ref, { wanted: 50, fresh: 10, noted });
        t.ok(await api.changes.note(ref, 50, 50), name);
        await api.changes.erase(ref);
      }
      const noted = await worker.changes.noted(ref);
      await worker.changes.lacked(ref, { wanted: 50, fresh: 10, noted });
      t.notOk(await api.changes.note(ref, 39, 50), 'what no one overtakes is kept');
      t.ok(await api.changes.note(ref, 1, 50));
    },
  );

  await t.test('however many workers start, there is one night, at two o’clock', async (t) => {
    const bull = new BullQueue('refresh', { connection: world.server.connect(), prefix: '{scion}:bull' });
    t.teardown(() => bull.close());
    for (let n = 0; n < 3; n += 1) await world.queue().scheduleNight();
    const [scheduler, ...others] = await bull.getJobSchedulers();
    t.same(others, []);
    t.equal(new Date(scheduler?.next ?? 0).getUTCHours(), 2);
    t.equal((await bull.getDelayed()).filter(({ data }) => data.occasion === 'night').length, 1);
  });

  await t.test('a task has one schedule, that of its last word', async (t) => {
    const bull = new BullQueue('refresh', { connection: world.server.connect(), prefix: '{scion}:bull' });
    t.teardown(() => bull.close());
    const task = { tenantId: 'ten_1', task: 'mail' };
    const queue = world.queue();
    for (const pattern of ['5 4 * * *', '5 4 * * *', '30 */6 1,28 * 0,3'])
      await queue.scheduleTask(task, pattern);
    const own = async () => (await bull.getJobSchedulers()).filter(({ key }) => key.includes('task'));
    const [scheduler, ...others] = await own();
    t.same(others, []);
    t.match(scheduler, { pattern: '30 */6 1,28 * 0,3', tz: 'UTC' });
    const orders = (await bull.getDelayed()).filter(({ data }) => data.occasion === 'schedule');
    t.match(
      orders.map(({ data }) => data),
      [task],
    );
    const { pattern: allowed = '' } = Retrain.properties.schedule as { pattern?: string };
    const patterns = fc.stringMatching(new RegExp(allowed));
    await fc.assert(
      fc.asyncProperty(patterns, async (pattern) => {
        const before = Date.now();
        await queue.scheduleTask(task, pattern);
        const [next] = await own();
        t.ok((next?.next ?? 0) >= before, pattern);
      }),
      { numRuns: 50 },
    );
    for (let n = 0; n < 2; n += 1) await queue.scheduleTask(task, undefined);
    t.same(await own(), []);
    t.equal((await bull.getDelayed()).filter(({ data }) => data.occasion === 'schedule').length, 0);
  });
});
