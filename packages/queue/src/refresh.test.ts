import { Queue as BullQueue } from 'bullmq';
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

  await t.test('however many workers start, there is one night, at two o’clock', async (t) => {
    const bull = new BullQueue('refresh', { connection: world.server.connect(), prefix: '{scion}:bull' });
    t.teardown(() => bull.close());
    for (let n = 0; n < 3; n += 1) await world.queue().scheduleNight();
    const [scheduler, ...others] = await bull.getJobSchedulers();
    t.same(others, []);
    t.equal(new Date(scheduler?.next ?? 0).getUTCHours(), 2);
    t.equal((await bull.getDelayed()).filter(({ data }) => data.occasion === 'night').length, 1);
  });
});
