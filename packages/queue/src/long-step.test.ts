import { Worker } from 'node:worker_threads';
import { Redis } from 'ioredis';
import t from 'tap';
import { createWorld, gate, training } from './testing/world.js';

/** A step that neither yields nor ends until it is told to, in a thread of its own: as a run of the engine's session. */
const longStep = `
const { workerData } = require('node:worker_threads');
Atomics.wait(new Int32Array(workerData), 0, 0);`;

t.test('a job keeps its lock while a step longer than its life runs in another thread', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const timings = { lockMs: 3_000, stalledIntervalMs: 700 };
  const [worker, rival, api] = [world.queue({ timings }), world.queue({ timings }), world.queue()];
  const redis = new Redis(world.server.path);
  t.teardown(async () => redis.disconnect());
  const payload = training('ada');
  const release = new SharedArrayBuffer(4);
  const [begun, ended] = [gate(), gate<boolean>()];
  let runs = 0;

  const handler = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
    runs += 1;
    const thread = new Worker(longStep, { eval: true, workerData: release });
    begun.open();
    await new Promise((exit) => thread.once('exit', exit));
    ended.open(signal.aborted);
  };
  await worker.processTraining(handler, { concurrency: 1 });
  await api.enqueueTraining(payload);
  await begun.opened;
  // It looks for jobs of dead workers all the while.
  await rival.processTraining(handler, { concurrency: 1 });

  const lock = `{scion}:bull:train:${payload.jobId}:lock`;
  const holder = await redis.get(lock);
  // Each renewal makes the lock's remaining life grow. Eight of them are more than one life.
  for (let renewals = 0, before = 0; renewals < 8 && runs === 1; ) {
    const left = await redis.pttl(lock);
    if (left > before) renewals += 1;
    before = left;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.equal(await redis.get(lock), holder, 'nobody else has taken it');
  const cell = new Int32Array(release);
  Atomics.store(cell, 0, 1);
  Atomics.notify(cell, 0);
  t.equal(await ended.opened, false, 'nor was it told to stop');
  t.equal(runs, 1);
});
