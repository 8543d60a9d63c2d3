import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/jobs: 202', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(
    ref,
    [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `text ${n}`, label: n % 2 ? 'like' : 'hide' })),
  );
  const payload = { task: 'inbox', user: 'ada' };

  t.test('a job is recorded, queued, and its stream begins', async (t) => {
    const response = await api.call('POST', '/v1/jobs', { key: tenant.train, payload });
    t.equal(response.statusCode, 202, response.body);
    const job = response.json();
    t.match(job, { ...ref, state: 'queued', progress: 0, version: null, failure: null });
    t.equal(response.headers.location, `/v1/jobs/${job.id}`);
    t.same(await api.registry.jobs.get(tenant.id, job.id), job);
    t.equal((await api.queue.counts()).training.waiting, 1);
    t.match(await api.queue.events.read(job.id), [{ seq: 1, type: 'state', state: 'queued' }]);
    const waiting = String(await api.redis.hget('{scion}:fair:waiting', job.id));
    t.match(waiting, response.headers['x-request-id'], 'its request is named, for the worker’s log');
  });

  t.test('asking again while it is queued joins it, and queues nothing', async (t) => {
    const first = (await api.registry.jobs.list(tenant.id)).data[0];
    const response = await api.call('POST', '/v1/jobs', { key: tenant.train, payload });
    t.equal(response.statusCode, 200);
    t.equal(response.json().id, first?.id);
    t.equal((await api.queue.counts()).training.waiting, 1);
  });

  t.test('while one runs, one more may queue', async (t) => {
    const [running] = (await api.registry.jobs.list(tenant.id)).data;
    await api.registry.jobs.update({ ...ref, jobId: running!.id }, { state: 'running' });
    const follower = await api.call('POST', '/v1/jobs', { key: tenant.train, payload });
    t.equal(follower.statusCode, 202);
    t.not(follower.json().id, running?.id);
    const third = await api.call('POST', '/v1/jobs', { key: tenant.train, payload });
    t.equal(third.statusCode, 200);
    t.equal(third.json().id, follower.json().id);
  });
});

t.test('POST /v1/jobs: 400', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();

  t.test('a user id that no path can carry is refused in a body as well', async (t) => {
    for (const user of ['.', '..', '', '😀'.repeat(65), 'a'.repeat(257), '\ud800']) {
      const payload = JSON.stringify({ task: 'inbox', user });
      const headers = { 'content-type': 'application/json' };
      const response = await api.call('POST', '/v1/jobs', { key: tenant.train, headers, payload });
      t.match(problemOf(response), { status: 400, code: 'invalid_request', errors: [{ path: '/user' }] });
    }
  });

  t.test('a call without a body is told what is missing', async (t) => {
    const response = await api.call('POST', '/v1/jobs', { key: tenant.train });
    t.match(problemOf(response), { status: 400, detail: /must be an object/ });
  });
});

t.test('POST /v1/jobs: 422', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', { minExamplesPerLabel: 3 }, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  const post = (task = 'inbox') =>
    api.call('POST', '/v1/jobs', { key: tenant.train, payload: { task, user: 'ada' } });
  const add = (...labels: string[]) =>
    api.registry.examples.append(
      ref,
      labels.map((label) => ({ input: 'x', label })),
    );

  t.test('a user without examples is told how many labels are wanted', async (t) => {
    const problem = problemOf(await post());
    t.match(problem, { status: 422, code: 'too_few_examples', missing: {}, missingLabels: 2 });
  });

  t.test('each label says how many it lacks', async (t) => {
    await add('like', 'like', 'hide');
    const problem = problemOf(await post());
    t.match(problem, { code: 'too_few_examples', missing: { like: 1, hide: 2 }, missingLabels: 0 });
    t.notMatch(problem.detail, /like|hide/, 'labels stay out of the detail');
  });

  t.test('labels of the kind that a task of this name once was are not trained on', async (t) => {
    await api.registry.tasks.put(tenant.id, 'once', {}, { base: 'test-base' });
    const stored = ['like', 'hide', 'like', 'hide'].map((label) => ({ input: 'x', label }));
    await api.registry.examples.append({ ...ref, task: 'once' }, stored);
    await api.registry.tasks.delete(tenant.id, 'once');
    await api.registry.tasks.put(tenant.id, 'once', { kind: 'regression' }, { base: 'test-base' });
    const problem = problemOf(await post('once'));
    t.match(problem, {
      status: 422,
      code: 'label_wrong_kind',
      detail: /4 stored examples 4 .* than regression/,
    });
  });

  t.test('a label of a closed set without an example counts as lacking', async (t) => {
    await api.registry.tasks.put(tenant.id, 'closed', { labels: ['a', 'b'] }, { base: 'test-base' });
    const found = problemOf(await post('closed'));
    t.match(found, { missing: { a: 2, b: 2 }, missingLabels: 0 });
  });

  t.test('nothing was recorded or queued, and enough examples are enough', async (t) => {
    t.equal((await api.registry.jobs.list(tenant.id)).data.length, 0);
    t.equal((await api.queue.counts()).training.waiting, 0);
    await add('like', 'hide', 'hide');
    t.equal((await post()).statusCode, 202);
  });
});

t.test('GET /v1/jobs/:job: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };

  t.test('a job tells how it stands', async (t) => {
    const { job } = await api.registry.jobs.create(ref);
    const jobRef = { ...ref, jobId: job.id };
    await api.registry.jobs.update(jobRef, { state: 'running', stage: 'head', progress: 0.4, attempts: 1 });
    const response = await api.call('GET', `/v1/jobs/${job.id}`, { key: tenant.train });
    t.equal(response.statusCode, 200);
    t.match(response.json(), { state: 'running', stage: 'head', progress: 0.4, attempts: 1 });
  });

  t.test('a failure tells its code and what can be done', async (t) => {
    const { job } = await api.registry.jobs.create({ ...ref, user: 'bob' });
    const failure = { code: 'training_failed', detail: 'Try again.' };
    const jobRef = { ...ref, user: 'bob', jobId: job.id };
    await api.registry.jobs.finish(jobRef, { state: 'failed', failure, events: [] });
    const response = await api.call('GET', `/v1/jobs/${job.id}`, { key: tenant.train });
    t.match(response.json(), { state: 'failed', failure });
  });
});

t.test('GET /v1/jobs: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  await api.registry.tasks.put(tenant.id, 'feed', {}, { base: 'test-base' });
  const made: string[] = [];
  for (const [task, user] of [
    ['inbox', 'ada'],
    ['inbox', 'bob'],
    ['feed', 'ada'],
  ] as const) {
    api.time.now += 1_000;
    made.push((await api.registry.jobs.create({ tenantId: tenant.id, task, user })).job.id);
  }
  await api.registry.jobs.finish(
    { tenantId: tenant.id, task: 'inbox', user: 'ada', jobId: made[0]! },
    { state: 'cancelled', events: [] },
  );
  const list = async (query: Record<string, string> = {}) => {
    const response = await api.call('GET', '/v1/jobs', { key: tenant.train, query });
    const { data, nextCursor }: { data: { id: string }[]; nextCursor: string | null } = response.json();
    return { ids: data.map(({ id }) => id), nextCursor };
  };

  t.test('jobs come newest first', async (t) => {
    t.same((await list()).ids, [made[2], made[1], made[0]]);
  });

  t.test('filters narrow, alone and together', async (t) => {
    t.same((await list({ task: 'inbox' })).ids, [made[1], made[0]]);
    t.same((await list({ user: 'ada' })).ids, [made[2], made[0]]);
    t.same((await list({ state: 'queued' })).ids, [made[2], made[1]]);
    t.same((await list({ task: 'inbox', user: 'ada', state: 'cancelled' })).ids, [made[0]]);
    t.same((await list({ task: 'inbox', user: 'ada', state: 'queued' })).ids, []);
  });

  t.test('pages follow their cursor', async (t) => {
    const first = await list({ limit: '2' });
    t.same(first.ids, [made[2], made[1]]);
    const second = await list({ limit: '2', cursor: first.nextCursor ?? '' });
    t.same(second, { ids: [made[0]], nextCursor: null });
  });

  t.test('a filter or a cursor that means nothing is refused', async (t) => {
    const queries: Record<string, string>[] = [
      { state: 'sleeping' },
      { limit: '0' },
      { limit: '101' },
      { cursor: 'nonsense' },
      { user: '..' },
      { colour: 'red' },
    ];
    for (const query of queries) {
      const response = await api.call('GET', '/v1/jobs', { key: tenant.train, query });
      t.match(problemOf(response), { status: 400, code: 'invalid_request' }, JSON.stringify(query));
    }
  });
});
