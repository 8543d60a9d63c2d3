import t from 'tap';
import { PutBack } from './consumer.js';
import { createDeliveryTurns } from './delivery-turns.js';
import type { DeliveryPayload } from './index.js';
import { createWorld, gate, until } from './testing/world.js';

let events = 0;
/** A delivery of an event of its own; tenant and webhook are the same unless given. */
function delivery({ tenantId = 'ten_1', webhookId = 'whk_1' }: Partial<DeliveryPayload>): DeliveryPayload {
  events += 1;
  return { tenantId, webhookId, eventId: `evt_${events}`, type: 'job.succeeded' };
}

t.test('an endpoint that never answers delays no other tenant’s deliveries, and loses none', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const queue = world.queue();
  const [recovered, other] = [gate(), gate<number>()];
  let [running, most, answers] = [0, 0, false];
  const attempts = new Map<string, number>();
  await queue.processDeliveries(
    async ({ tenantId, eventId }, { attempt }) => {
      if (tenantId === 'ten_2') return other.open(attempt);
      running += 1;
      most = Math.max(most, running);
      try {
        if (!answers) {
          await recovered.opened;
          throw new Error('no answer');
        }
        attempts.set(eventId, attempt);
      } finally {
        running -= 1;
      }
    },
    { concurrency: 8 },
  );
  const waiting = Array.from({ length: 60 }, () => delivery({}));
  await Promise.all(waiting.map((one) => queue.enqueueDelivery(one)));
  await until(async () => running === 2);
  await queue.enqueueDelivery(delivery({ tenantId: 'ten_2', webhookId: 'whk_2' }));
  t.equal(await other.opened, 1, 'while the first still holds all it can');
  t.equal(running, 2, 'a quarter of the slots');
  await until(async () => (await queue.counts()).deliveries.delayed === 58);
  answers = true;
  recovered.open();
  await until(async () => attempts.size === 60);
  t.equal(most, 2);
  t.same([...attempts.keys()].sort(), waiting.map(({ eventId }) => eventId).sort());
  t.equal([...attempts.values()].filter((attempt) => attempt === 1).length, 58, 'waiting cost no attempt');
  t.equal([...attempts.values()].filter((attempt) => attempt === 2).length, 2);
});

/** The turns of one worker. */
function turns(slots: number) {
  const time = { now: 0 };
  const turn = createDeliveryTurns(slots, () => time.now);
  return {
    time,
    /** Starts an attempt, and says after how long it looks again should it have no turn. */
    async start(one: DeliveryPayload, nth = 1) {
      const end = gate<Error | undefined>();
      let began = false;
      const done = turn(one, nth, async () => {
        began = true;
        const error = await end.opened;
        if (error) throw error;
      }).catch((error) => (error instanceof PutBack ? error.afterMs : 'failed'));
      const afterMs = began ? undefined : await done;
      return {
        afterMs,
        async end(error?: Error) {
          end.open(error);
          return done;
        },
      };
    },
  };
}

t.test(
  'a failing webhook has one attempt at a time, and holds up neither its siblings nor pings',
  async (t) => {
    const { time, start } = turns(16);
    const [failing, sibling] = [delivery({}), delivery({ webhookId: 'whk_2' })];
    const first = [await start(failing), await start(failing), await start(failing), await start(failing)];
    t.ok(first.every(({ afterMs }) => afterMs === undefined));
    t.ok((await start(sibling)).afterMs, 'the tenant has its four');
    t.equal(
      (await start(delivery({ tenantId: 'ten_2', webhookId: 'whk_3' }))).afterMs,
      undefined,
      'another tenant has its own',
    );
    for (const one of [failing, sibling]) {
      for (const asked of [
        { ...one, type: 'ping' as const },
        { ...one, asked: 1 },
      ]) {
        t.equal((await start(asked)).afterMs, undefined, 'and so have a ping and a replay of each');
        t.ok((await start(asked)).afterMs, 'one at a time');
      }
    }
    for (const one of first) t.equal(await one.end(new Error('no answer')), 'failed');
    const again = await start(failing);
    t.equal(again.afterMs, undefined);
    t.equal((await start(failing)).afterMs, 1_000);
    t.equal((await start(failing)).afterMs, 1_020, 'those put back do not come back together');
    time.now = 500;
    t.equal((await start(failing)).afterMs, 1_000);
    t.equal((await start(sibling)).afterMs, undefined, 'a sibling has the turns that are left');
    await again.end();
    await start(failing);
    t.equal((await start(failing)).afterMs, undefined, 'after a success it is as any other');
  },
);

t.test('a webhook that answers uses what is idle, and leaves a quarter to the others', async (t) => {
  const { time, start } = turns(16);
  const busy = delivery({});
  const taken: Awaited<ReturnType<typeof start>>[] = [];
  const takeAll = async () => {
    for (let one = await start(busy); one.afterMs === undefined; one = await start(busy)) taken.push(one);
  };
  await takeAll();
  t.equal(taken.length, 4, 'nothing is known of it yet');
  time.now = 24;
  await taken.shift()?.end();
  await takeAll();
  t.equal(taken.length, 12);
  const waits = [];
  for (let n = 0; n < 600; n += 1) waits.push((await start(busy)).afterMs as number);
  t.ok((waits.at(-1) as number) < 600 * 3, 'what waits comes back as its turns come, not 20 ms apart');

  const other = delivery({ tenantId: 'ten_2', webhookId: 'whk_2' });
  for (let n = 0; n < 4; n += 1) t.equal((await start(other)).afterMs, undefined, 'another has its share');
  for (const one of taken.splice(0, 4)) await one.end();
  t.ok((await start(busy)).afterMs, 'for which the first makes room');
});

t.test('a line whose endpoint begins to hang slows down before the first attempt has failed', async (t) => {
  const { time, start } = turns(32);
  const one = delivery({});
  const first = await start(one);
  await start(one);
  time.now = 2;
  await first.end();
  for (let last = await start(one); last.afterMs === undefined; ) last = await start(one);
  const waits = async () => {
    const back: number[] = [];
    for (let n = 0; n < 50; n += 1) back.push(time.now + ((await start(one)).afterMs as number));
    return (back.at(-1) as number) - (back.at(0) as number);
  };
  t.equal(await waits(), 49, 'as fast as it answered until now');
  time.now = 2_000;
  t.equal(await waits(), 49 * 20, 'and as one that fails when it has not answered for long');
});

t.test('nothing is kept of webhooks that answered once their tenant has no attempt in flight', async (t) => {
  const { start } = turns(16);
  const [one, sibling] = [delivery({}), delivery({ webhookId: 'whk_2' })];
  const [first, second] = [await start(one), await start(sibling)];
  await first.end();
  await second.end();
  const again = [];
  for (let n = 0; n < 6; n += 1) again.push(await start(one));
  t.equal(again.filter(({ afterMs }) => afterMs === undefined).length, 4, 'as of one that is new');
});

t.test('webhooks that fail have at most half of the slots, whosever they are', async (t) => {
  const { start } = turns(16);
  const all = Array.from({ length: 16 }, (_, n) => delivery({ tenantId: `ten_${n}`, webhookId: `whk_${n}` }));
  for (const one of all) t.equal(await (await start(one)).end(new Error('no answer')), 'failed');
  const again = [];
  for (const one of all) again.push(await start(one));
  t.equal(again.filter(({ afterMs }) => afterMs === undefined).length, 8);
  t.equal((await start(delivery({ tenantId: 'ten_a', webhookId: 'whk_a' }))).afterMs, undefined);
});

t.test('replays to dead webhooks hold up neither their siblings’ nor more than a quarter', async (t) => {
  const { start } = turns(16);
  const replays = Array.from({ length: 6 }, (_, n) => ({ ...delivery({ webhookId: `whk_${n}` }), asked: 1 }));
  const begun = [];
  for (const one of replays) begun.push(await start(one));
  t.equal(begun.filter(({ afterMs }) => afterMs === undefined).length, 4);
  const retried = await start(replays[0] as DeliveryPayload, 2);
  t.equal(retried.afterMs, undefined, 'a retry of one is as any other delivery');
});

t.test('what became of a replay or a ping is known of its webhook', async (t) => {
  for (const how of [{ asked: 1 }, { type: 'ping' as const }]) {
    const { start } = turns(16);
    const one = delivery({});
    await (await start({ ...one, ...how })).end(new Error('no answer'));
    const first = await start(one);
    t.equal(first.afterMs, undefined);
    t.equal((await start(one)).afterMs, 1_000, 'it fails');
    await (await start({ ...one, ...how })).end();
    t.equal((await start(one)).afterMs, undefined, 'it answers again');
  }
});

t.test('an event that is sent again goes before those that wait for the same webhook', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const queue = world.queue();
  const [recovered, failed] = [gate(), gate()];
  const [retried, waiting] = [delivery({}), delivery({})];
  const replayed = new Map([retried, waiting].map(({ eventId }) => [eventId, gate<number>()]));
  let running = 0;
  await queue.processDeliveries(
    async ({ eventId }, { attempt }) => {
      if (eventId === retried.eventId && attempt === 1) {
        failed.open();
        throw new Error('no answer');
      }
      if (replayed.has(eventId)) return replayed.get(eventId)?.open(attempt);
      running += 1;
      await recovered.opened;
    },
    { concurrency: 4 },
  );
  await queue.enqueueDelivery(retried);
  await failed.opened;
  for (let n = 0; n < 300; n += 1) await queue.enqueueDelivery(delivery({}));
  await until(async () => running === 1 && (await queue.counts()).deliveries.delayed === 300);
  await queue.enqueueDelivery(waiting);
  await until(async () => (await queue.counts()).deliveries.delayed === 301);
  for (const [one, attempt] of [
    [retried, 2],
    [waiting, 1],
  ] as const) {
    await queue.enqueueDelivery(one, { now: true });
    t.equal(await replayed.get(one.eventId)?.opened, attempt);
  }
  recovered.open();
});
