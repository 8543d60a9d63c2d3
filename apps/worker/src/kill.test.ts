import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeAdapter, readBase } from '@scion/engine';
import t from 'tap';
import { createWorld, type WorkerProcess } from './testing/world.js';

const faultyWorker = new URL('./testing/faulty-worker.js', import.meta.url);
const world = await createWorld();
t.teardown(() => world.close());
const { registry, tenantId, folder } = world;
// Seven deaths, each with a start of the process, on a machine that may be doing other things.
t.setTimeout(180_000);

/** The writes of a job in their order, by what they leave behind when nothing follows. */
const deadlyWrites = {
  1: 'a record that says it runs',
  4: 'the last stage, nothing published',
  5: 'an adapter without a card',
  6: 'a version that is not live',
  7: 'a live version, and a job that says it runs',
  8: 'events of a job that has not ended',
  9: 'an ended job that nobody heard of',
};
const users = Object.keys(deadlyWrites).map((number) => `kill-after-${number}`);

t.test('killed at any write and tried again, a job publishes one version and has one event id', async (t) => {
  const jobs = await Promise.all(
    users.map(async (user) => {
      const ref = await world.addExamples(user);
      return { user, ref, job: await world.requestJob(ref) };
    }),
  );
  const running: WorkerProcess[] = [];
  let deaths = 0;
  let stopping = false;
  const keepAlive = async () => {
    for (;;) {
      const worker = await world.spawnWorker({
        script: faultyWorker,
        // One at a time, so that a death stalls only the job it is meant for.
        env: { SCION_TRAIN_CONCURRENCY: '1', SCION_THREADS: '1' },
      });
      running.push(worker);
      if (stopping) worker.child.kill('SIGTERM');
      const { signal } = await worker.exited;
      if (stopping) return;
      if (signal !== 'SIGKILL') t.fail('a worker ended otherwise than by its kill', { log: worker.log() });
      deaths += 1;
    }
  };
  // While one starts again, the other finds the jobs of the dead.
  const supervised = Promise.all([keepAlive(), keepAlive()]);

  const base = await readBase(join(folder, 'base'));
  for (const { user, ref, job } of jobs) {
    const ended = await world.ended(job);
    t.match(ended, { state: 'succeeded', failure: null }, user);
    // The last one died when its record was done.
    t.ok(ended.attempts >= (user === users.at(-1) ? 1 : 2), `${user}: ${ended.attempts} attempts`);
    t.ok(existsSync(join(folder, `died-of-${user}`)), `the worker died at ${user}`);

    const versions = (await registry.models.versions(ref)).data;
    t.equal(versions.length, 1, `${user}: one version`);
    const [version] = versions;
    t.equal(version?.card.jobId, job.id);
    t.equal(version?.version, ended.version);
    const history = await registry.models.history(ref);
    t.match(history, [{ by: job.id, reason: 'gate', version: ended.version }], `${user}: one switch`);
    t.equal(history.length, 1);
    const bytes = await registry.models.adapter(ref, ended.version ?? 0);
    decodeAdapter(bytes ?? new Uint8Array(), {
      base,
      owner: ref,
      sha256: version?.adapterSha256 ?? '',
    });

    const posts = await world.posts(job);
    t.same(
      [...new Set(posts.map(({ eventId }) => eventId))],
      [`evt_${job.id.slice(4)}`],
      `${user}: one event id`,
    );
    t.ok(posts.every(({ payload }) => payload.type === 'job.succeeded'));
    t.equal((await registry.jobs.events(tenantId, job.id))?.at(-1)?.state, 'succeeded');
  }
  t.equal(deaths, users.length, 'once at each point');
  stopping = true;
  for (const { child } of running) child.kill('SIGTERM');
  await supervised;
});

t.test(
  'killed between a receiver’s answer and the delivery log, it delivers again under the same id',
  async (t) => {
    const first = await world.spawnWorker({ script: faultyWorker, env: { SCION_THREADS: '1' } });
    const job = await world.requestJob(await world.addExamples('gwen'));
    world.answer = ({ payload }) => {
      if (payload.data.user === 'gwen') first.child.kill('SIGKILL');
      return 204;
    };
    t.equal((await first.exited).signal, 'SIGKILL');
    await world.spawnWorker({ script: faultyWorker, env: { SCION_THREADS: '1' } });
    const posts = await world.posts(job, 2);
    t.equal(new Set(posts.map(({ eventId }) => eventId)).size, 1);
    t.same(posts[0]?.payload, posts[1]?.payload);
  },
);
