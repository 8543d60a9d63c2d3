import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('pausing, resuming and trying again', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const refFor = (user: string) => ({ tenantId: tenant.id, task: 'inbox', user });
  const create = async (user: string, priority?: string) => {
    await api.registry.examples.append(
      refFor(user),
      [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `text ${n}`, label: n % 2 ? 'like' : 'hide' })),
    );
    const payload = { task: 'inbox', user, priority };
    return (await api.call('POST', '/v1/jobs', { key: tenant.train, payload })).json().id as string;
  };
  const post = (job: string, what: string) =>
    api.call('POST', `/v1/jobs/${job}/${what}`, { key: tenant.train });
  const waiting = async () => (await api.queue.counts()).training.waiting;

  t.test('a queued job pauses at once, and again with the same answer; resumed, it is queued', async (t) => {
    const id = await create('ada');
    for (let n = 0; n < 2; n += 1) {
      const paused = await post(id, 'pause');
      t.equal(paused.statusCode, 200, paused.body);
      t.match(paused.json(), { id, state: 'paused' });
    }
    t.equal(await waiting(), 0);
    const resumed = await post(id, 'resume');
    t.match(resumed.json(), { id, state: 'queued' });
    t.equal(resumed.statusCode, 200);
    t.equal(await waiting(), 1);
    t.same(
      (await api.queue.events.read(id)).map(({ state }) => state),
      ['queued', 'paused', 'queued'],
    );
  });

  t.test('a running job is asked', async (t) => {
    const id = await create('bob');
    await api.queue.requestCancel(id);
    await api.registry.jobs.update({ ...refFor('bob'), jobId: id }, { state: 'running' });
    const response = await post(id, 'pause');
    t.equal(response.statusCode, 202);
    t.match(response.json(), { state: 'running' });
    t.ok(await api.registry.jobs.pauseRequested({ ...refFor('bob'), jobId: id }));
  });

  t.test('a paused job is cancelled at once', async (t) => {
    const id = await create('carol');
    await post(id, 'pause');
    const response = await post(id, 'cancel');
    t.equal(response.statusCode, 200);
    t.match(response.json(), { state: 'cancelled' });
    for (const what of ['pause', 'resume']) {
      t.match(problemOf(await post(id, what)), { status: 409, code: 'job_finished' });
    }
  });

  t.test('a failed job is tried again by another, which keeps its priority and says so', async (t) => {
    const id = await create('dora', 'bulk');
    t.match(problemOf(await post(id, 'retry')), { status: 409, code: 'job_not_failed' });
    const failure = { code: 'training_failed', detail: 'Try again.' };
    await api.queue.requestCancel(id);
    await api.registry.jobs.finish(
      { ...refFor('dora'), jobId: id },
      { state: 'failed', failure, events: [] },
    );
    const response = await post(id, 'retry');
    t.equal(response.statusCode, 202, response.body);
    t.match(response.json(), { state: 'queued', retryOf: id, priority: 'bulk', failure: null });
    t.equal(response.headers.location, `/v1/jobs/${response.json().id}`);
    const joined = await post(id, 'retry');
    t.equal(joined.statusCode, 200);
    t.equal(joined.json().id, response.json().id);
    const { data } = (
      await api.call('GET', '/v1/jobs', { key: tenant.train, query: { state: 'failed' } })
    ).json();
    t.match(data, [{ id, failure }]);
  });

  t.test('what failed for want of examples is refused while it would fail again', async (t) => {
    const ref = refFor('eve');
    const { job } = await api.registry.jobs.create(ref);
    const failure = { code: 'too_few_examples', detail: 'Append more.' };
    await api.registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'failed', failure, events: [] });
    t.match(problemOf(await post(job.id, 'retry')), { status: 422, code: 'too_few_examples' });
  });
});
