import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createWorld, gate, training, until } from './testing/world.js';

const fixture = fileURLToPath(new URL('./testing/doomed-worker.js', import.meta.url));
const timings = { lockMs: 500, stalledIntervalMs: 200 };

t.test('a worker killed with SIGKILL', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const spawned = new Set<ChildProcess>();
  t.teardown(() => {
    for (const child of spawned) child.kill('SIGKILL');
  });
  /** A worker process and what it says when its job runs. */
  async function startDoomed(): Promise<{ child: ChildProcess; running: Promise<unknown> }> {
    const child = spawn(process.execPath, [fixture, world.server.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    spawned.add(child);
    const running = once(child.stdout, 'data').then(([line]) => JSON.parse(String(line)));
    return { child, running };
  }
  async function kill(child: ChildProcess): Promise<void> {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  await t.test('its job runs again elsewhere, as the same attempt, over a clean stream', async (t) => {
    const queue = world.queue({ timings });
    const payload = training('ada');
    const { child, running } = await startDoomed();
    await queue.enqueueTraining(payload);
    t.match(await running, { jobId: payload.jobId, attempt: 1 });
    await kill(child);
    const ran = gate<{ attempt: number; stalls: number }>();
    const consumer = await queue.processTraining(
      async (_, { attempt, stalls, events }) => {
        await events.append({ type: 'state', state: 'running' });
        await events.append({ type: 'state', state: 'succeeded' });
        ran.open({ attempt, stalls });
      },
      { concurrency: 1 },
    );
    const { attempt, stalls } = await ran.opened;
    t.equal(attempt, 1);
    t.ok(stalls >= 1, 'and knows of the worker it lost');
    await consumer.close();
    t.match(await queue.events.read(payload.jobId), [
      { seq: 1, state: 'running' },
      { seq: 2, state: 'succeeded' },
    ]);
    t.equal((await queue.events.read(payload.jobId)).length, 2);
  });

  await t.test('a job that kills every worker is given up, and its end is told', async (t) => {
    const queue = world.queue({ timings });
    const payload = training('bob');
    await queue.enqueueTraining(payload);
    // maxStalls is 3: the first run and three more.
    for (let run = 1; run <= 4; run += 1) {
      const { child, running } = await startDoomed();
      t.match(await running, { jobId: payload.jobId });
      await kill(child);
    }
    const dead = gate<unknown>();
    let ran = false;
    const consumer = await queue.processTraining(
      async () => {
        ran = true;
      },
      { concurrency: 1, onDead: async (given) => dead.open(given) },
    );
    t.same(await dead.opened, payload);
    t.notOk(ran);
    await consumer.close();
    await until(async () => (await queue.counts()).training.failed === 1);
  });
});
