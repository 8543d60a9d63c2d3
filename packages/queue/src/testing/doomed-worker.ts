import { createQueue } from '../index.js';

// A worker process to be killed: starts a job, says so, and never ends it.
const [path = ''] = process.argv.slice(2);
const queue = createQueue({
  connection: { path },
  clock: Date.now,
  timings: { lockMs: 500, stalledIntervalMs: 200 },
});
await queue.processTraining(
  async ({ jobId }, { attempt, events }) => {
    await events.append({ type: 'state', state: 'running' });
    await events.append({ type: 'metric', series: 'final', step: 1, loss: 1 });
    process.stdout.write(`${JSON.stringify({ jobId, attempt })}\n`);
    await new Promise(() => setInterval(() => {}, 1_000));
  },
  { concurrency: 1 },
);
