import { getPriority } from 'node:os';
import type { Job, JobEvent, ModelRef } from '@scion/contracts';
import { createMeter } from '@scion/meter';
import t from 'tap';
import { createWorld, headline, task, type WorkerProcess } from './testing/world.js';

const world = await createWorld();
t.teardown(() => world.close());
t.setTimeout(120_000);
const { registry, queue, tenantId } = world;

// The first post about this user's job is answered with 500; its retry comes while the other tests run.
const patient = await world.addExamples('patient');
let refused = 0;
world.answer = ({ payload }) => (payload.data.user === 'patient' && refused++ === 0 ? 500 : 204);

const workers: WorkerProcess[] = [];
for (const name of ['one', 'two']) {
  workers.push(
    await world.spawnWorker({ env: { SCION_THREADS: '1', SCION_GRACE_SECONDS: '0', WORKER: name } }),
  );
}
const patientJob = await world.requestJob(patient);

/** Waits until a job enters a stage, and returns the number of the event. */
async function reached(job: Job, wanted: Partial<JobEvent>): Promise<number> {
  for await (const event of queue.events.subscribe(job.id)) {
    if (Object.entries(wanted).every(([name, value]) => event[name as keyof JobEvent] === value))
      return event.seq;
  }
  throw new Error(`the job ended before ${JSON.stringify(wanted)}`);
}

t.test('a job trains, publishes one version, puts it live and says so', async (t) => {
  const ref = await world.addExamples('ada');
  const job = await world.ended(await world.requestJob(ref));
  t.match(job, { state: 'succeeded', version: 1, progress: 1, attempts: 1, failure: null });
  t.ok(job.gate?.promoted, job.gate?.reason ?? 'no gate');

  const live = await registry.models.live(ref);
  t.match(live, {
    version: 1,
    card: { jobId: job.id, labels: ['like', 'skip'], examples: 12, examplesPerLabel: { like: 6, skip: 6 } },
  });
  t.ok((live?.adapterBytes ?? 0) > 0);

  const events = (await registry.jobs.events(tenantId, job.id)) ?? [];
  t.same(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
    'the kept events have no gap',
  );
  t.same(
    events.flatMap(({ type, state, stage }) => (type === 'metric' ? [] : [state ?? stage])),
    ['running', 'head', 'evaluating', 'publishing', 'succeeded'],
  );
  t.ok(events.some(({ type, loss }) => type === 'metric' && loss !== undefined && loss > 0));

  const told = (await queue.logs.read(job.id)).map(({ message }) => message);
  t.same(
    [told[0], told[1]],
    ['training attempt started', 'examples read'],
    'its log is kept with it for its owner',
  );

  const [post] = await world.posts(job);
  t.equal(post?.eventId, `evt_${job.id.slice(4)}`);
  t.same(post?.payload, { type: 'job.succeeded', timestamp: job.finishedAt, data: job });
});

t.test('the same examples give the same head, whoever trains', async (t) => {
  const ref = await world.addExamples('twice');
  await world.ended(await world.requestJob(ref));
  await world.ended(await world.requestJob(ref));
  const [second, first] = (await registry.models.versions(ref)).data;
  t.equal(second?.card.dataSha256, first?.card.dataSha256);
  t.same(second?.card.recipe, first?.card.recipe);
  t.same(second?.card.gate.candidate, first?.card.gate.candidate);
});

t.test('a later version is compared with the live one on the examples that came after it', async (t) => {
  const ref = await world.addExamples('ada', { from: 6, perLabel: 8 });
  const job = await world.ended(await world.requestJob(ref));
  t.match(job, { state: 'succeeded', version: 2 });
  t.match(job.gate?.live, { version: 1, candidate: { rows: 16 }, live: { rows: 16 } });
  t.equal((await registry.models.live(ref))?.version, job.gate?.promoted ? 2 : 1);
});

t.test('too few examples fail at once, without a retry, and without showing labels', async (t) => {
  await registry.tasks.put(tenantId, 'strict', { minExamplesPerLabel: 5 }, { base: 'minilm' });
  const ref = await world.addExamples('bob', { task: 'strict', perLabel: 3 });
  const job = await world.ended(await world.requestJob(ref));
  t.match(job, { state: 'failed', attempts: 1, version: null, failure: { code: 'too_few_examples' } });
  t.match(job.failure?.detail, /^Training needs 4 more examples/);
  t.notMatch(job.failure?.detail, /like|skip/);
  t.same((await registry.models.versions(ref)).data, []);
  const [post] = await world.posts(job);
  t.match(post?.payload, { type: 'job.failed', data: { id: job.id } });
});

t.test('a job that is cancelled before a worker sees it is not trained', async (t) => {
  const ref = await world.addExamples('carol');
  const { job } = await registry.jobs.create(ref);
  await registry.jobs.requestCancel(tenantId, job.id);
  await queue.enqueueTraining({ jobId: job.id, ...ref });
  const ended = await world.ended(job);
  t.match(ended, { state: 'cancelled', startedAt: null, version: null });
  const [post] = await world.posts(job);
  t.match(post?.payload, { type: 'job.cancelled' });
});

t.test('a running job stops when it is cancelled, and publishes nothing', async (t) => {
  const ref = await world.addExamples('dora', { perLabel: 120 });
  const job = await world.requestJob(ref);
  await reached(job, { stage: 'head' });
  await registry.jobs.requestCancel(tenantId, job.id);
  t.equal(await queue.requestCancel(job.id), 'signalled');
  const ended = await world.ended(job);
  t.match(ended, { state: 'cancelled', version: null });
  t.ok(ended.startedAt);
  t.same((await registry.models.versions(ref)).data, []);
  const [post] = await world.posts(job);
  t.match(post?.payload, { type: 'job.cancelled' });
});

t.test('two jobs of one model never overlap', async (t) => {
  const ref = await world.addExamples('eve', { perLabel: 60 });
  const first = await world.requestJob(ref);
  await reached(first, { stage: 'head' });
  const second = await world.requestJob(ref);
  t.not(second.id, first.id, 'a running job is not joined');
  const ended = [await world.ended(first), await world.ended(second)] as const;
  t.ok(
    (ended[1].startedAt ?? '') >= (ended[0].finishedAt ?? '9'),
    `${ended[0].finishedAt} ${ended[1].startedAt}`,
  );
  t.same(
    (await registry.models.versions(ref)).data.map(({ version }) => version),
    [2, 1],
  );
});

t.test('a webhook that answered 500 gets the same event again', async (t) => {
  const posts = await world.posts(patientJob, 2);
  t.equal(new Set(posts.map(({ eventId }) => eventId)).size, 1);
  t.same(posts[0]?.payload, posts[1]?.payload);
  const [webhook] = (await registry.webhooks.list(tenantId)).data;
  const attempts = await untilLogged(webhook?.id ?? '', posts[0]?.eventId ?? '', 2);
  t.match(attempts, [
    { attempt: 2, ok: true, status: 204, error: null },
    { attempt: 1, ok: false, status: 500, error: 'http_status' },
  ]);
});

/** The log is written after the receiver has answered. */
async function untilLogged(webhookId: string, eventId: string, count: number) {
  for (;;) {
    const { data } = await registry.webhooks.deliveries(tenantId, webhookId);
    const own = data.filter((delivery) => delivery.eventId === eventId);
    if (own.length >= count) return own;
    await new Promise((done) => setTimeout(done, 20));
  }
}

t.test('on SIGTERM an unfinished job is handed back, and another worker finishes it', async (t) => {
  const ref: ModelRef = await world.addExamples('fay', { perLabel: 120 });
  const job = await world.requestJob(ref);
  await reached(job, { stage: 'head' });
  for (const { child } of workers) child.kill('SIGTERM');
  for (const { exited } of workers) t.same(await exited, { code: 0, signal: null });
  t.match(await registry.jobs.get(tenantId, job.id), { state: 'queued', stage: null });
  await world.spawnWorker();
  t.match(await world.ended(job), { state: 'succeeded', version: 1, attempts: 1 });
});

t.test('within the grace period SIGTERM lets a running job finish', async (t) => {
  for (const { child } of workers) t.ok(child.exitCode !== null);
  const ref = await world.addExamples('gus');
  const worker = await world.spawnWorker({ env: { SCION_GRACE_SECONDS: '60' } });
  const job = await world.requestJob(ref);
  await reached(job, { stage: 'head' });
  worker.child.kill('SIGTERM');
  t.match(await world.ended(job), { state: 'succeeded' });
  t.same(await worker.exited, { code: 0, signal: null });
});

t.test('a worker yields on top of what it was started with', async (t) => {
  const under = ['nice', '-n', '3'];
  const { child, exited } = await world.spawnWorker({
    under,
    env: { SCION_WORKER_NICE: '5', SCION_THREADS: '1' },
  });
  t.equal(getPriority(child.pid), Math.min(19, getPriority() + 3 + 5));
  child.kill('SIGTERM');
  await exited;
});

t.test('what workers did is counted, and those that left are gone', async (t) => {
  const meter = createMeter({
    ...{ redis: world.redis, clock: Date.now, flushMs: 0, onError: () => {} },
    describe: () => ({
      kind: 'api',
      cache: { bytes: 0, budgetBytes: 0, entries: 0, hits: 0, misses: 0, resident: [] },
    }),
  });
  const queue = { waiting: 0, active: 0, delayed: 0, failed: 0, oldestWaitSeconds: null };
  const stageOf = async () => ({ stage: null, progress: 0 });
  const { totals, jobs, webhooks, now } = await meter.overview({}, { queue, stageOf });
  const sum = (series: number[]) => series.reduce((total, value) => total + value, 0);
  t.ok(sum(jobs.succeeded) >= 4 && sum(jobs.failed) >= 1, JSON.stringify(totals));
  t.ok(totals.promotionRate && totals.timeToLiveP50Seconds);
  t.ok(sum(webhooks.delivered) >= 4 && sum(webhooks.failed) >= 1);
  t.ok(now.workers.length <= 1, 'the one that is still there');
});

t.test('the lines of a job carry the id of the request that ordered it', async (t) => {
  const lines = workers
    .flatMap(({ log }) => log().split('\n'))
    .filter((line) => line.includes('training job succeeded'))
    .map((line) => JSON.parse(line));
  t.ok(lines.length > 0);
  for (const { jobId, requestId } of lines) t.equal(requestId, `request-for-${jobId}`);
});

t.test('a worker logs neither inputs nor labels', async (t) => {
  for (const { log } of workers) {
    t.notMatch(log(), headline('like', 0));
    t.notMatch(log(), /"skip"/);
    t.match(log(), /"worker stopped"/);
  }
  t.ok(task);
});
