/**
 * How fast training jobs go in and out, and how long a second tenant waits behind 10,000 jobs.
 * `node test/bench/queue.mjs [jobs]` after a build; `--bare` last measures BullMQ alone on the same Redis.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { startRedis } from '@scion/testkit';
import { createQueue } from '../../packages/queue/dist/index.js';

const jobs = Number(process.argv[2] ?? 10_000);
const server = await startRedis();
const [rates, fair] = [[], []];
const rate = (from) => Math.round(jobs / ((performance.now() - from) / 1_000));
const payload = (tenantId, at) => ({
  ...{ jobId: `job_${tenantId}_${at}`, tenantId, task: 'mail', user: `user ${at}` },
});
const inBatches = async (add) => {
  for (let from = 0; from < jobs; from += 500) {
    await Promise.all(Array.from({ length: Math.min(500, jobs - from) }, (_, at) => add(from + at)));
  }
};

async function bare() {
  const { Queue, Worker } = createRequire(new URL('../../packages/queue/package.json', import.meta.url))(
    'bullmq',
  );
  const options = { connection: { path: server.path, maxRetriesPerRequest: null }, prefix: '{bare}' };
  const queue = new Queue('train', options);
  const addedAt = performance.now();
  await inBatches((at) =>
    queue.add('train', payload('ten_1', at), { jobId: `job_${at}`, removeOnComplete: true }),
  );
  const adds = rate(addedAt);
  let done = 0;
  const startedAt = performance.now();
  const worker = await new Promise((resolve) => {
    const made = new Worker(
      'train',
      async () => {
        done += 1;
        if (done === jobs) resolve(made);
      },
      { ...options, concurrency: 16 },
    );
  });
  rates.push({ what: 'BullMQ alone', jobs, addsPerSecond: adds, jobsPerSecond: rate(startedAt) });
  console.table(rates);
  await worker.close();
  await queue.close();
}

async function ours() {
  const options = { connection: { path: server.path }, clock: Date.now };
  const [api, workers] = [createQueue(options), createQueue(options)];
  const addedAt = performance.now();
  await inBatches((at) => api.enqueueTraining(payload('ten_1', at)));
  const adds = rate(addedAt);
  let done = 0;
  const startedAt = performance.now();
  await new Promise((resolve, reject) => {
    workers
      .processTraining(
        async () => {
          done += 1;
          if (done === jobs) resolve();
        },
        { concurrency: 16 },
      )
      .catch(reject);
  });
  rates.push({ what: 'queue', jobs, addsPerSecond: adds, jobsPerSecond: rate(startedAt) });
  console.table(rates);
  await workers.close();
  await api.close();
}

/**
 * Starts of the first tenant's jobs between the arrival of a newcomer's first job and its start; the worst of `rounds`.
 * A worker, in the promise of one job each, is a slot: what runs one job at a time. A process may have several. Jobs end
 * only when they are told to, a random number of them at once, so that nothing starts while the newcomer is on its way.
 */
async function fairness(workers, slotsEach, rounds = 40) {
  await server.flush();
  const options = { connection: { path: server.path }, clock: Date.now };
  const api = createQueue(options);
  const processes = Array.from({ length: workers }, () => createQueue(options));
  await inBatches((at) => api.enqueueTraining(payload('ten_1', at)));
  const bound = workers * slotsEach;
  const held = [];
  const waits = [];
  const arrived = new Map();
  let started = 0;
  let ending = false;
  const handle = async ({ tenantId }) => {
    started += 1;
    if (arrived.has(tenantId)) waits.push(started - arrived.get(tenantId) - 1);
    if (!ending) await new Promise((resolve) => held.push(resolve));
  };
  for (const each of processes) await each.processTraining(handle, { concurrency: slotsEach });
  const untilBusy = async () => {
    while (held.length < bound) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await untilBusy();
  for (let round = 0; round < rounds; round += 1) {
    const newcomer = payload(`ten_new_${round}`, 0);
    arrived.set(newcomer.tenantId, started);
    await api.enqueueTraining(newcomer);
    while (waits.length === round) {
      const ended = held.splice(0, 1 + Math.floor(Math.random() * bound));
      for (const end of ended) end();
      await untilBusy();
    }
  }
  const most = Math.max(...waits);
  fair.push({ processes: workers, slotsEach, queued: jobs, rounds, mostBeforeNewcomer: most, bound });
  if (most > bound) process.exitCode = 1;
  ending = true;
  const closing = [api, ...processes].map((queue) => queue.close());
  for (const end of held.splice(0)) end();
  await Promise.all(closing);
}

if (process.argv.includes('--bare')) await bare();
else {
  await ours();
  for (const [processes, slots] of [
    [1, 1],
    [4, 1],
    [2, 2],
    [2, 4],
  ])
    await fairness(processes, slots);
  console.table(fair);
}
mkdirSync(new URL('out/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('out/queue.json', import.meta.url),
  `${JSON.stringify({ rates, fair }, undefined, 2)}\n`,
);
await server.close();
