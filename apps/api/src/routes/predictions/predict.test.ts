import { AppError, limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/tasks/:task/users/:user/predict: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(
    tenant.id,
    'inbox',
    { labels: ['like', 'hide'], untrained: 'zero-shot' },
    { base: 'test-base' },
  );
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  const predict = (inputs: string[], user = 'ada') =>
    api.call('POST', `/v1/tasks/inbox/users/${user}/predict`, { key: tenant.predict, payload: { inputs } });

  t.test('an untrained user gets an answer from the label names, which says so', async (t) => {
    const response = await predict(['a', 'b']);
    t.equal(response.statusCode, 200, response.body);
    const answer = response.json();
    t.match(answer, {
      ...{ source: 'zero-shot', version: null, adapterSha256: null },
      baseSha256: api.engine.base.sha256,
    });
    t.equal(answer.predictions.length, 2);
  });

  t.test('a trained user is answered by the live version, which the answer names', async (t) => {
    const live = await api.publish(ref);
    const answer = (await predict(['a', 'b', 'c'])).json();
    t.match(answer, {
      ...{ source: 'model', version: live.version, adapterSha256: live.adapterSha256 },
      baseSha256: api.engine.base.sha256,
    });
    t.equal(answer.predictions.length, 3);
    const [first] = answer.predictions;
    t.match(first, { label: 'like', abstained: false });
    t.same(Object.keys(first.probabilities), ['like', 'hide']);
    t.ok(Math.abs(first.probability - 0.8) < 1e-6);
    t.match(api.engine.asked.at(-1), { ...ref, version: live.version, texts: ['a', 'b', 'c'] });
  });

  t.test('a new version answers as soon as it is live', async (t) => {
    const second = await api.publish(ref);
    t.equal((await predict(['a'])).json().version, second.version);
    await api.registry.models.rollback(ref, { by: 'test' });
    t.equal((await predict(['a'])).json().version, 1);
  });

  t.test('below the threshold of the task the label is withheld', async (t) => {
    const spec = { labels: ['like', 'hide'], abstainBelow: 0.9 };
    await api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload: spec });
    const [first] = (await predict(['a'])).json().predictions;
    t.match(first, { label: null, abstained: true });
    t.ok(first.probability > 0.79, 'its probability is told');
  });

  t.test('what is left of the minute is told', async (t) => {
    const { headers } = await predict(['a', 'b']);
    t.equal(headers['ratelimit-policy'], '"predict-rows";q=600000;w=60');
    t.match(headers.ratelimit, /^"predict-rows";r=\d+;t=60$/);
  });

  t.test('the scrape counts rows by source and names nobody', async (t) => {
    const { body } = await api.call('GET', '/metrics');
    t.match(body, /scion_predicted_rows_total\{source="zero-shot"\} 2/);
    t.match(body, /scion_predicted_rows_total\{source="model"\} 8/);
    t.notMatch(body, /\bada\b|inbox|ten_/);
  });
});

t.test('POST /v1/tasks/:task/users/:user/predict: 409', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', { labels: ['like', 'hide'] }, { base: 'test-base' });

  t.test('an untrained user of a strict task is told to train first', async (t) => {
    const url = '/v1/tasks/inbox/users/ada/predict';
    const response = await api.call('POST', url, { key: tenant.predict, payload: { inputs: ['a'] } });
    t.match(problemOf(response), { status: 409, code: 'model_not_trained' });
    t.same(api.engine.asked, []);
  });
});

t.test('a model does not answer for a task that was put anew as another kind', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const put = (payload: object) => api.call('PUT', '/v1/tasks/inbox', { key: tenant.admin, payload });
  await put({});
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.registry.examples.append(ref, [{ id: '1', input: 'x', label: 'like' }]);
  await api.publish(ref);
  const predict = (url: string, more = {}) =>
    api.call('POST', `/v1/tasks/inbox/${url}`, { key: tenant.predict, payload: { inputs: ['a'], ...more } });
  const users = { users: ['ada'] };
  t.equal((await predict('users/ada/predict')).json().source, 'model');
  for (const kind of ['regression', 'multilabel', 'classification']) {
    await api.call('DELETE', '/v1/tasks/inbox', { key: tenant.admin });
    await put({ kind });
    const [one, each] = [await predict('users/ada/predict'), await predict('predict', users)];
    const hinted = await api.call('POST', '/v1/tasks/inbox/prefetch', {
      key: tenant.predict,
      payload: users,
    });
    if (kind === 'classification') {
      t.match(one.json(), { source: 'model' }, 'as the kind that it had it answers again');
      t.match(each.json().results, [{ source: 'model' }]);
      t.same(hinted.json(), { models: 1 });
      continue;
    }
    t.match(problemOf(one), { status: 409, code: 'model_not_trained' }, kind);
    t.match(each.json().results, [{ user: 'ada', problem: { code: 'model_not_trained' } }]);
    t.same(hinted.json(), { models: 0 });
  }
  await api.call('DELETE', '/v1/tasks/inbox', { key: tenant.admin });
  await put({ kind: 'regression', untrained: 'majority' });
  t.match(
    problemOf(await predict('users/ada/predict')),
    { code: 'model_not_trained' },
    'labels have no mean',
  );
});

t.test('POST /v1/tasks/:task/users/:user/predict: 422', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.publish(ref);
  const predict = (inputs: unknown) =>
    api.call('POST', '/v1/tasks/inbox/users/ada/predict', { key: tenant.predict, payload: { inputs } });

  t.test('an empty text is pointed at', async (t) => {
    const response = await predict(['a', '', ' \n']);
    t.match(problemOf(response), {
      ...{ status: 422, code: 'input_empty' },
      errors: [{ path: '/inputs/1' }, { path: '/inputs/2' }],
    });
  });

  t.test('an oversized text is pointed at, and not repeated', async (t) => {
    const response = await predict(['x'.repeat(limits.textChars + 1)]);
    t.match(problemOf(response), { status: 422, code: 'input_too_long', errors: [{ path: '/inputs/0' }] });
    t.notMatch(response.body, 'xxxx');
  });

  t.test('too many rows are refused', async (t) => {
    const response = await predict(Array.from({ length: limits.predictRowsPerRequest + 1 }, () => 'a'));
    t.match(problemOf(response), { status: 422, code: 'too_many_rows' });
  });

  t.test('what is no list of texts does not match the schema', async (t) => {
    for (const inputs of [[], 'a', [1], undefined]) {
      t.match(problemOf(await predict(inputs)), { status: 400, code: 'invalid_request' });
    }
  });

  t.test('the engine was never asked, and the most that is allowed is answered', async (t) => {
    t.same(api.engine.asked, []);
    const response = await predict(Array.from({ length: limits.predictRowsPerRequest }, () => 'a'));
    t.equal(response.json().predictions.length, limits.predictRowsPerRequest);
  });
});

t.test('POST /v1/tasks/:task/users/:user/predict: 429', async (t) => {
  const api = await startTestApi(t, { redis, rowsPerMinute: 300 });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.publish(ref);
  const predict = (rows: number, key = tenant.predict) =>
    api.call('POST', '/v1/tasks/inbox/users/ada/predict', {
      key,
      payload: { inputs: Array.from({ length: rows }, () => 'a') },
    });

  t.test('a busy engine is passed on as such, with the time to ask again', async (t) => {
    api.engine.failWith = new AppError('overloaded', 'Too many rows wait.', { retryAfterSeconds: 2.2 });
    const response = await predict(1);
    t.match(problemOf(response), { status: 429, code: 'overloaded' });
    t.equal(response.headers['retry-after'], '3');
    api.engine.failWith = undefined;
  });

  t.test('rows beyond the quota are refused until the first of them are a minute old', async (t) => {
    api.time.now += 60_000 - (api.time.now % 60_000) + 15_000;
    const first = await predict(200);
    t.equal(first.statusCode, 200);
    t.equal(first.headers['ratelimit-policy'], '"predict-rows";q=300;w=60');
    api.time.now += 15_000;
    const refused = await predict(101);
    t.match(problemOf(refused), { status: 429, code: 'quota_predict_rows' });
    t.equal(refused.headers['retry-after'], '45');
    t.equal(refused.headers.ratelimit, '"predict-rows";r=100;t=45', 'a refused request takes nothing');
    t.equal((await predict(100)).statusCode, 200);
    t.equal((await predict(1)).statusCode, 429);
    api.time.now += 45_000;
    t.equal((await predict(1)).statusCode, 200);
  });

  t.test('one tenant’s quota is not another’s', async (t) => {
    const other = await api.createTenant('other');
    await api.registry.tasks.put(other.id, 'inbox', {}, { base: 'test-base' });
    await api.publish({ ...ref, tenantId: other.id });
    api.time.now += 60_000;
    t.equal((await predict(256)).statusCode, 200);
    t.equal((await predict(256)).statusCode, 429);
    t.equal((await predict(256, other.predict)).statusCode, 200);
  });
});

t.test('POST /v1/tasks/:task/users/:user/predict: 500', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(
    tenant.id,
    'inbox',
    { labels: ['like', 'hide'], untrained: 'zero-shot' },
    { base: 'test-base' },
  );
  const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
  await api.publish(ref);
  const predict = () =>
    api.call('POST', '/v1/tasks/inbox/users/ada/predict', {
      key: tenant.predict,
      payload: { inputs: ['a'] },
    });

  t.test('a damaged adapter fails closed: no other source answers in its place', async (t) => {
    for (const code of ['artifact_invalid', 'base_mismatch'] as const) {
      api.engine.failWith = new AppError(code, 'The stored model cannot be used.');
      t.match(problemOf(await predict()), { status: 500, code });
    }
  });
});
