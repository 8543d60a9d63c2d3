import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/jobs/:job/cancel: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(
    ref,
    [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `text ${n}`, label: n % 2 ? 'like' : 'hide' })),
  );
  const create = async () => {
    const payload = { task: 'inbox', user: 'ada' };
    return (await api.call('POST', '/v1/jobs', { key: tenant.train, payload })).json().id as string;
  };
  const cancel = (job: string) => api.call('POST', `/v1/jobs/${job}/cancel`, { key: tenant.train });

  t.test('a queued job is cancelled at once, announced once, and never run', async (t) => {
    const id = await create();
    const response = await cancel(id);
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json(), { id, state: 'cancelled' });
    t.equal((await api.queue.counts()).training.waiting, 0);
    t.same(
      (await api.registry.jobs.events(tenant.id, id))?.map(({ state }) => state),
      ['queued', 'cancelled'],
    );
    t.same(
      api.announced.map((job) => job.id),
      [id],
    );
  });

  t.test('a job that has ended cannot be cancelled', async (t) => {
    const [ended] = (await api.registry.jobs.list(tenant.id)).data;
    const response = await cancel(ended!.id);
    t.match(problemOf(response), { status: 409, code: 'job_finished' });
    t.equal(api.announced.length, 1);
  });

  t.test('a job that its maker never queued is queued, so that a worker ends it', async (t) => {
    const { job } = await api.registry.jobs.create({ ...ref, user: 'bob' });
    const response = await cancel(job.id);
    t.equal(response.statusCode, 202);
    t.equal((await api.queue.counts()).training.waiting, 1);
    t.ok(await api.registry.jobs.cancelRequested({ ...ref, user: 'bob', jobId: job.id }));
  });
});

t.test('POST /v1/jobs/:job/cancel: 202', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(
    ref,
    [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `text ${n}`, label: n % 2 ? 'like' : 'hide' })),
  );

  t.test('a running job is told to stop, and its worker ends it', async (t) => {
    let running: (value: unknown) => void = () => {};
    const started = new Promise((done) => {
      running = done;
    });
    let told: unknown;
    const ended = new Promise<void>((done) => {
      void api.queue.processTraining(
        async (_payload, { signal }) => {
          running(undefined);
          await new Promise((stop) => signal.addEventListener('abort', stop, { once: true }));
          told = signal.reason;
          done();
        },
        { concurrency: 1 },
      );
    });
    const payload = { task: 'inbox', user: 'ada' };
    const { id } = (await api.call('POST', '/v1/jobs', { key: tenant.train, payload })).json();
    await started;
    await api.registry.jobs.update({ ...ref, jobId: id }, { state: 'running' });
    const response = await api.call('POST', `/v1/jobs/${id}/cancel`, { key: tenant.train });
    t.equal(response.statusCode, 202, response.body);
    t.equal(response.json().state, 'running');
    await ended;
    t.match(told, { reason: 'cancelled' });
    t.same(api.announced, [], 'announcing is left to the worker that ends it');
  });
});
