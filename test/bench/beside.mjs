// Predictions while jobs train on the same machine: what a caller of the API notices of the worker beside it.
//
//   node test/bench/beside.mjs
//
// The embedded system, API and worker each with as many threads as the machine has processors. One user's model is asked
// new texts of some 25 tokens, one and eight at a time, first alone and then while three other users train adapters on 200
// examples each. Client and system share the processors. Prints a table and writes test/bench/out/beside.json.
import { median, quantile } from './clones.mjs';
import { startEmbeddedSystem } from './embedded-system.mjs';
import { filler, madeUpReviews } from './made-up-reviews.mjs';
import { createReport } from './report.mjs';

const report = createReport('beside');
const { key, call, close } = await startEmbeddedSystem();
try {
  await call('PUT', '/v1/tasks/asked', key, { training: { method: 'head' } });
  await call('PUT', '/v1/tasks/trained', key, { training: { method: 'lora' } });
  const start = async (task, user) => {
    const path = `/v1/tasks/${task}/users/user-${user}/examples`;
    await call('POST', path, key, { examples: madeUpReviews(200, user) });
    return call('POST', '/v1/jobs', key, { task, user: `user-${user}` });
  };
  const ended = async ({ id }) => {
    for (;;) {
      const job = await call('GET', `/v1/jobs/${id}`, key);
      if (job.finishedAt) return job;
      await new Promise((done) => setTimeout(done, 250));
    }
  };
  let asked = 0;
  /** Times of a closed loop of so many callers, in milliseconds. */
  const load = async (callers, seconds) => {
    const times = [];
    const end = performance.now() + 1_000 * seconds;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (performance.now() < end) {
          asked += 1;
          const startedAt = performance.now();
          const inputs = [`${filler.slice(asked % 7).join(' ')} ${asked}`];
          await call('POST', '/v1/tasks/asked/users/user-0/predict', key, { inputs });
          times.push(performance.now() - startedAt);
        }
      }),
    );
    return times;
  };
  const measure = async (when) => {
    for (const callers of [1, 8]) {
      const times = await load(callers, 5);
      const name = `${when}, ${callers} at a time`;
      report.add(`${name}: p50`, median(times), 'ms');
      report.add(`${name}: p99`, quantile(times, 0.99), 'ms');
      report.add(`${name}: answers`, times.length / 5, '/s');
    }
  };

  await ended(await start('asked', 0));
  // The first job derives the training graph, which the base then keeps.
  await ended(await start('trained', 1));
  await load(8, 1);
  await measure('alone');
  const jobs = await Promise.all([2, 3, 4].map((user) => start('trained', user)));
  while ((await call('GET', `/v1/jobs/${jobs[0].id}`, key)).startedAt === null)
    await new Promise((done) => setTimeout(done, 50));
  await measure('beside training');
  const last = await Promise.all(jobs.map(ended));
  const trainedFor = Math.max(...last.map(({ finishedAt }) => Date.parse(finishedAt)));
  if (last.some(({ state }) => state !== 'succeeded')) throw new Error('a job did not succeed');
  report.add(
    'three jobs of 200 examples, from the first start',
    (trainedFor - Date.parse(last[0].startedAt)) / 1_000,
    's',
  );
} finally {
  await close();
}
report.write();
