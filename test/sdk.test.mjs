// The sdk against the real API over a real Redis; only the neural network is a stand-in.
import { once } from 'node:events';
import { createClient, isFinished, Personalizer, ScionError } from '@scion/sdk';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../apps/api/dist/testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis: redis.connect() });
const baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
const operator = createClient({ baseUrl, apiKey: api.operator });
const tenant = await operator.tenants.create({ name: 'Orchard' });
const key = await operator
  .withTenant(tenant.id)
  .keys.create({ name: 'backend', scopes: ['admin', 'train', 'predict'] });
const client = createClient({ baseUrl, apiKey: key.secret });

const user = 'ada/../é?#%2e@例.com';
const examples = ['a', 'b', 'c'].flatMap((input) => [
  { input: `good ${input}`, label: 'like' },
  { input: `bad ${input}`, label: 'hide' },
]);

t.test('tenants, keys and tasks are written, read, listed and deleted', async (t) => {
  t.same(await operator.tenants.get(tenant.id), tenant);
  t.match((await operator.tenants.list()).data, [{ id: tenant.id }]);
  const spare = await client.keys.create({ name: 'spare', scopes: ['predict'] });
  t.match(spare, { secret: /^scion_/, tenantId: tenant.id });
  const names = [];
  for await (const one of client.keys.list({ limit: 1 })) names.push(one.name);
  t.same(names.sort(), ['backend', 'spare']);
  t.equal(await client.keys.delete(spare.id), undefined);
  t.equal((await client.keys.list()).data.length, 1);

  const task = await client.tasks.put('feed', { labels: ['like', 'hide'] });
  t.same(await client.tasks.get('feed'), task);
  await client.tasks.put('spare', {});
  t.equal(await client.tasks.delete('spare'), undefined);
  t.match((await client.tasks.list()).data, [{ name: 'feed' }]);
});

t.test('a problem of the API arrives as a typed error', async (t) => {
  await t.rejects(client.tasks.get('missing'), {
    name: 'ScionError',
    code: 'task_not_found',
    status: 404,
    requestId: /^req_/,
  });
  await t.rejects(createClient({ baseUrl, apiKey: 'scion_no' }).tasks.list(), { code: 'unauthenticated' });
  await t.rejects(client.system.get(), { code: 'scope_missing' });
  await t.rejects(client.jobs.create({ task: 'feed', user: 'nobody' }), {
    code: 'too_few_examples',
    extensions: { missing: Object },
  });
  const wrong = await client.examples
    .append('feed', user, [{ input: '', label: 'like' }])
    .catch((error) => error);
  t.ok(wrong instanceof ScionError);
  t.ok(wrong.errors.length > 0, 'with the faulty field');
});

t.test('examples of any user arrive once, however often they are sent', async (t) => {
  const first = await client.examples.append('feed', user, examples);
  t.match(first, { accepted: 6, duplicates: 0, total: 6 });
  const again = examples.map((example, index) => ({ ...example, id: first.ids[index] }));
  t.match(await client.examples.append('feed', user, again), { accepted: 0, duplicates: 6, total: 6 });
  const texts = [];
  for await (const { input } of client.examples.list('feed', user, { limit: 4 })) texts.push(input);
  t.same(texts.sort(), examples.map(({ input }) => input).sort());
});

t.test('examples sent again under a key of the caller’s are stored once, for good', async (t) => {
  await client.tasks.put('notes', { labels: ['like', 'hide'] });
  const send = (rows) => client.examples.append('notes', user, rows, { idempotencyKey: 'order-7' });
  const forgetAnswers = async () => api.redis.del(await api.redis.keys('*idempotency*'));
  const copies = [
    { input: 'twice', label: 'like' },
    { input: 'twice', label: 'like' },
    { id: 'mine', input: 'once', label: 'hide' },
  ];
  const first = await send(copies);
  t.match(first, { accepted: 3, ids: [String, String, 'mine'] });
  t.same(await send(copies), first, 'a repetition gets the answer of the first');
  await forgetAnswers();
  t.match(await send(copies), { accepted: 0, duplicates: 3, ids: first.ids }, 'also long after');
  await forgetAnswers();
  const other = await send([{ input: 'other', label: 'hide' }]);
  t.match(other, { accepted: 1, replaced: 0, total: 4 }, 'a key used again for others replaces nothing');
  await client.tasks.delete('notes');
});

t.test('a job’s events arrive live, through a new attempt, and wait returns its end', async (t) => {
  const job = await client.jobs.create({ task: 'feed', user });
  t.equal((await client.jobs.create({ task: 'feed', user })).id, job.id, 'while it is queued it is the one');
  const seen = [];
  const done = client.jobs.wait(job.id, { onEvent: (event) => seen.push(event) });
  const untilSeen = async (count) => {
    while (seen.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  await untilSeen(1);
  const first = await api.queue.events.open(job.id);
  await first.append({ type: 'state', state: 'running' });
  await first.append({ type: 'metric', series: 'final', step: 1, loss: 0.7 });
  await untilSeen(3);
  const second = await api.queue.events.open(job.id);
  await second.append({ type: 'state', state: 'running' });
  await second.append({ type: 'state', state: 'succeeded' });
  const ref = { jobId: job.id, tenantId: tenant.id, task: 'feed', user };
  await api.registry.jobs.finish(ref, {
    state: 'succeeded',
    events: await api.queue.events.read(job.id),
    version: 1,
    gate: null,
  });
  t.equal((await done).state, 'succeeded');
  t.same(
    seen.map(({ seq }) => seq),
    [1, 2, 3, 2, 3],
  );
  const kept = [];
  for await (const event of client.jobs.events(job.id, { after: 1 })) kept.push(event.state);
  t.same(kept, ['running', 'succeeded'], 'the events stay readable after the end');
  t.match((await client.jobs.list({ state: 'succeeded', user })).data, [{ id: job.id }]);
});

t.test(
  'a training run whose answer is lost is started once, also where a worker takes it meanwhile',
  async (t) => {
    const ref = { tenantId: tenant.id, task: 'news', user };
    const started = async (call) => {
      let lost = false;
      const cut = createClient({
        ...{ baseUrl, apiKey: key.secret },
        sleep: async () => {},
        async fetch(...request) {
          const response = await fetch(...request);
          if (lost || !response.ok) return response;
          lost = true;
          const { id } = await response.json();
          await api.registry.jobs.update({ ...ref, jobId: id }, { state: 'running' });
          throw new TypeError('the connection broke');
        },
      });
      const job = await call(cut);
      return { job, all: (await client.jobs.list({ task: 'news' })).data.map(({ id }) => id) };
    };
    await client.tasks.put('news', { labels: ['like', 'hide'] });
    await client.examples.append('news', user, examples);
    const first = await started(({ jobs }) => jobs.create({ task: 'news', user }));
    t.same(first.all, [first.job.id]);
    await api.registry.jobs.finish(
      { ...ref, jobId: first.job.id },
      { state: 'failed', events: [], version: null, gate: null, failure: { code: 'internal', detail: 'x' } },
    );
    api.time.now += 1;
    const second = await started(({ jobs }) => jobs.retry(first.job.id));
    t.same(second.all, [second.job.id, first.job.id]);
    await client.tasks.delete('news');
  },
);

t.test('a queued job is cancelled', async (t) => {
  const job = await client.jobs.create({ task: 'feed', user });
  t.ok(isFinished((await client.jobs.cancel(job.id)).state));
  t.equal((await client.jobs.wait(job.id)).state, 'cancelled');
  await t.rejects(client.jobs.cancel(job.id), { code: 'job_finished' });
});

t.test('models are listed, asked and rolled back', async (t) => {
  const ref = { tenantId: tenant.id, task: 'feed', user };
  await api.publish(ref);
  await api.publish(ref);
  t.match((await client.models.list({ task: 'feed' })).data, [{ user }]);
  t.match(await client.models.get('feed', user), { live: { version: 2 }, versions: 2, history: Array });
  t.same(
    (await client.models.versions('feed', user)).data.map(({ version }) => version),
    [2, 1],
  );
  t.match(await client.models.version('feed', user, 1), { version: 1, live: false });
  const answer = await client.predict({ task: 'feed', user, inputs: ['one', 'two'] });
  t.match(answer, { version: 2, source: 'model', predictions: [{ label: 'like' }, { label: 'like' }] });
  t.match(await client.models.rollback('feed', user), {
    live: { version: 1 },
    history: [{ reason: 'rollback' }],
  });
  t.match(await client.models.rollback('feed', user, 2), { live: { version: 2 } });
});

t.test('a model is asked of long texts in as many requests as they need', async (t) => {
  const model = new Personalizer({ client, task: 'feed', user });
  const answers = await model.predict(Array.from({ length: 256 }, (_, at) => `${at} `.padEnd(20_000, 'ü')));
  t.same(answers, Array(256).fill('like'));
});

t.test('cross-validation that fails before anything is stored says why', async (t) => {
  const model = new Personalizer({ client, task: 'feed', user: 'none' });
  const X = ['one', 'two', 'three', 'four'];
  await t.rejects(model.crossValidate(X, ['like', 'no', 'like', 'no'], { folds: 2 }), {
    code: 'label_not_allowed',
  });
});

t.test(
  'a fit whose rows arrived while the answer got lost takes them for its own the next time',
  async (t) => {
    await client.tasks.put('taste', { labels: ['like', 'hide'] });
    let requests = 0;
    const cut = createClient({
      ...{ baseUrl, apiKey: key.secret, maxRetries: 0 },
      async fetch(url, init) {
        const response = await fetch(url, init);
        if (!url.endsWith('/examples')) return response;
        requests += 1;
        if (requests === 1) throw new TypeError('the connection broke');
        return response;
      },
    });
    const model = new Personalizer({ client: cut, task: 'taste', user: 'ada' });
    await t.rejects(model.fit(['slugs', 'ticks'], ['hide', 'hide']), { code: 'network_error' });
    t.equal((await client.models.get('taste', 'ada')).examples, 2, 'they arrived');
    await t.rejects(
      model.fit(['roses'], ['like']),
      { code: 'too_few_examples' },
      'it comes as far as the job',
    );
    t.match((await client.examples.list('taste', 'ada')).data, [{ input: 'roses' }]);
  },
);

t.test(
  'a fit whose job somebody else cancelled says so, and no fold is scored on what it left',
  async (t) => {
    const watched = createClient({
      ...{ baseUrl, apiKey: key.secret },
      async fetch(url, init) {
        const response = await fetch(url, init);
        if (init.method === 'POST' && url.endsWith('/v1/jobs'))
          await client.jobs.cancel((await response.clone().json()).id);
        return response;
      },
    });
    const model = new Personalizer({ client: watched, task: 'taste', user: 'eve' });
    const X = examples.map(({ input }) => input);
    const y = examples.map(({ label }) => label);
    t.match(await model.fit(X, y), { version: null, stopped: 'its job was cancelled' });
    await t.rejects(model.crossValidate(X, y, { folds: 3 }), { code: 'job_cancelled' });
  },
);

t.test('a fit goes on where the answer to a deletion of its own rows got lost', async (t) => {
  let lost = false;
  const cut = createClient({
    ...{ baseUrl, apiKey: key.secret, sleep: async () => {} },
    async fetch(url, init) {
      const response = await fetch(url, init);
      if (init.method !== 'DELETE' || lost) return response;
      lost = true;
      throw new TypeError('the connection broke');
    },
  });
  const model = new Personalizer({ client: cut, task: 'taste', user: 'bob' });
  for (const [text, label] of [
    ['slugs', 'hide'],
    ['roses', 'like'],
  ])
    await t.rejects(model.fit([text], [label]), { code: 'too_few_examples' }, 'it comes as far as the job');
  t.ok(lost);
  t.match((await client.examples.list('taste', 'bob')).data, [{ input: 'roses' }]);
});

t.test('webhooks and the system', async (t) => {
  const webhook = await client.webhooks.create({ url: 'https://example.com/hook' });
  t.match(webhook, { secret: /^whsec_/ });
  t.match((await client.webhooks.list()).data, [{ id: webhook.id }]);
  t.same((await client.webhooks.deliveries(webhook.id)).data, []);
  t.equal(await client.webhooks.delete(webhook.id), undefined);
  t.match(await operator.system.get(), { base: { name: 'test-base' }, queue: { waiting: Number } });
});

t.test('a service that closes lets a waiting call fail in words', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  const gone = createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: 'scion_x', maxRetries: 0 });
  await t.rejects(gone.tasks.list(), { code: 'network_error' });
});
