import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeAdapter, readBase } from '@scion/engine';
import t from 'tap';
import { createWorld } from './test-world.js';

const world = await createWorld();
t.teardown(() => world.close());
const { registry, tenantId, folder } = world;

/** A job's writes: its record at the start and at three stages, adapter, card, alias, events, record. */
const writes = 9;
const users = [
  ...Array.from({ length: writes }, (_, index) => `kill-before-${index + 1}`),
  `kill-after-${writes}`,
];

t.test('killed at any write and tried again, a job publishes one version and has one event id', async (t) => {
  const jobs = await Promise.all(
    users.map(async (user) => {
      const ref = await world.addExamples(user);
      return { user, ref, job: await world.requestJob(ref) };
    }),
  );
  let deaths = 0;
  let stopping = false;
  const keepAlive = (async () => {
    for (;;) {
      const worker = await world.spawnWorker({
        script: 'test-faulty-worker.js',
        // One at a time, so that a death stalls only the job it is meant for.
        env: { SCION_TRAIN_CONCURRENCY: '1' },
      });
      // Killed on delivery, too: the receiver has the event, and the log does not.
      const { signal } = await worker.exited;
      if (stopping) return;
      t.equal(signal, 'SIGKILL', worker.log().slice(-2_000));
      deaths += 1;
    }
  })();

  const base = await readBase(join(folder, 'base'));
  for (const { user, ref, job } of jobs) {
    const ended = await world.ended(job);
    t.match(ended, { state: 'succeeded', failure: null }, user);
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
      baseSha256: base.sha256,
      featureSize: base.featureSize,
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
  await world.close();
  await keepAlive;
});
