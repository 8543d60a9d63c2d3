import t from 'tap';
import { PutBack } from './consumer.js';
import { createDeliveryTurns } from './delivery-turns.js';
import type { DeliveryPayload, Queue, TrainingPayload } from './index.js';
import { createWorld, gate, training, until } from './testing/world.js';

let events = 0;
/** A delivery of an event of its own; tenant and webhook are the same unless given. */
function delivery({ tenantId = 'ten_1', webhookId = 'whk_1' }: Partial<DeliveryPayload>): DeliveryPayload {
  events += 1;
  return { tenantId, webhookId, eventId: `evt_${events}`, type: 'job.succeeded' };
}

/** Workers that stop at each job until told to go on; `started` lists the tenants in order of their starts. */
async function controlled(queues: Queue[]) {
  const started: TrainingPayload[] = [];
  const held: (() => void)[] = [];
  for (const queue of queues) {
    await queue.processTraining(
      async (payload) => {
        const go = gate();
        started.push(payload);
        held.push(() => go.open());
        await go.opened;
      },
      { concurrency: 1 },
    );
  }
  return {
    started,
    /** Lets the oldest running job end and waits until another has started. */
    async next() {
      const before = started.length;
      held.shift()?.();
      await until(async () => started.length > before);
    },
    letAllGo() {
      for (const go of held.splice(0)) go();
    },
  };
}

t.test(
  'a tenant with 10,000 jobs delays another’s first job by at most one job of each worker',
  async (t) => {
    const world = await createWorld();
    t.teardown(world.close);
    const workers = [world.queue(), world.queue()];
    const api = world.queue();
    for (let batch = 0; batch < 10; batch += 1) {
      await Promise.all(Array.from({ length: 1_000 }, () => api.enqueueTraining(training())));
    }
    const run = await controlled(workers);
    await until(async () => run.started.length === 2);
    for (let n = 0; n < 5; n += 1) await run.next();
    const at = run.started.length;
    const others = [1, 2, 3].map(() => ({ ...training(), tenantId: 'ten_2' }));
    for (const other of others) await api.enqueueTraining(other);
    let waited = 0;
    while (!run.started.some(({ tenantId }) => tenantId === 'ten_2')) {
      await run.next();
      waited = run.started.length - at;
      if (waited > 4) break;
    }
    t.comment(`started as number ${waited} after its arrival, ${workers.length} workers`);
    t.ok(waited <= workers.length, `it was number ${waited} to start`);
    for (let n = 0; n < 8; n += 1) await run.next();
    const second = run.started.slice(at).filter(({ tenantId }) => tenantId === 'ten_2').length;
    t.equal(second, 3, 'and its others take turns with those of the first');
    await Promise.all([
      ...workers.map((worker) => worker.close({ graceMs: 0 })),
      // Handlers here do not listen to their signal.
      run.letAllGo(),
    ]);
  },
);

t.test('a lost Redis forgets who has had how much, and nothing else', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const [api, worker] = [world.queue(), world.queue({ timings: { lockMs: 600 } })];
  const jobs = [training(), training(), { ...training(), tenantId: 'ten_2' }];
  await Promise.all(jobs.map((job) => api.enqueueTraining(job)));
  await world.server.flush();
  const ran: string[] = [];
  await worker.processTraining(async ({ jobId }) => void ran.push(jobId), { concurrency: 1 });
  // As the registry does after it has restored its indexes; twice, for two processes that noticed.
  for (let n = 0; n < 2; n += 1) for (const job of jobs) await api.enqueueTraining(job);
  await until(async () => ran.length >= 3);
  t.same(ran.sort(), jobs.map(({ jobId }) => jobId).sort());
});

t.test('a cap holds over all workers', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const options = { shareOf: async () => ({ concurrentJobs: 1 }) };
  const api = world.queue(options);
  const workers = [world.queue(options), world.queue(options)];
  const run = await controlled(workers);
  for (let n = 0; n < 4; n += 1) await api.enqueueTraining(training());
  await until(async () => run.started.length === 1);
  t.match((await api.counts()).training, { waiting: 3, active: 1 });
  for (let n = 0; n < 3; n += 1) {
    await run.next();
    t.match((await api.counts()).training, { active: 1 });
  }
  run.letAllGo();
});

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
    async start(one: DeliveryPayload) {
      const end = gate<Error | undefined>();
      let began = false;
      const done = turn(one, async () => {
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
    t.equal((await start({ ...failing, type: 'ping' })).afterMs, undefined, 'and so have pings');
    t.ok((await start({ ...sibling, type: 'ping' })).afterMs, 'one at a time');
    t.equal(
      (await start({ ...failing, asked: true })).afterMs,
      undefined,
      'what is sent again has a turn too',
    );
    t.ok((await start({ ...failing, asked: true })).afterMs, 'one at a time');
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

t.test('an event that is sent again goes before those that wait for the same webhook', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const queue = world.queue();
  const [recovered, replayed] = [gate(), gate()];
  const wanted = delivery({});
  let running = 0;
  await queue.processDeliveries(
    async ({ eventId }) => {
      if (eventId === wanted.eventId) return replayed.open();
      running += 1;
      await recovered.opened;
    },
    { concurrency: 4 },
  );
  for (let n = 0; n < 300; n += 1) await queue.enqueueDelivery(delivery({}));
  await until(async () => running === 1 && (await queue.counts()).deliveries.delayed === 299);
  await queue.enqueueDelivery(wanted);
  await until(async () => (await queue.counts()).deliveries.delayed === 300);
  await queue.enqueueDelivery(wanted, { now: true });
  await replayed.opened;
  t.equal(running, 1, 'while the others still wait');
  recovered.open();
});
