import type { Usage } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../testing/test-api.js';
import { createUsageKeeper } from './keep-usage.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });

/** A tenant with a task and these quotas, which an operator has set. */
async function tenantWith(quotas: object) {
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
  const response = await api.call('PUT', `/v1/tenants/${tenant.id}`, {
    key: api.operator,
    payload: { name: 'limited', quotas },
  });
  t.equal(response.statusCode, 200, response.body);
  return tenant;
}
type Tenant = Awaited<ReturnType<typeof tenantWith>>;
const append = ({ all }: Tenant, user: string, count = 2) =>
  api.call('POST', `/v1/tasks/inbox/users/${user}/examples`, {
    key: all,
    payload: {
      examples: ['like', 'hide'].flatMap((label) =>
        Array.from({ length: count }, (_, at) => ({ id: `${label}${at}`, input: 'x', label })),
      ),
    },
  });
const createJob = ({ all }: Tenant, user: string) =>
  api.call('POST', '/v1/jobs', { key: all, payload: { task: 'inbox', user } });
const usage = async ({ all }: Tenant): Promise<Usage> => {
  const response = await api.call('GET', '/v1/usage', { key: all });
  t.equal(response.statusCode, 200, response.body);
  return response.json();
};
const used = async (tenant: Tenant, name: string) =>
  (await usage(tenant)).quotas.find((quota) => quota.name === name);

t.test('one user too many is refused; those there are go on, and an erased one makes room', async (t) => {
  const tenant = await tenantWith({ users: 2 });
  for (const user of ['ada', 'bob', 'ada']) t.equal((await append(tenant, user)).statusCode, 200);
  t.match(problemOf(await append(tenant, 'cy')), { status: 403, code: 'quota_users' });
  t.same(await used(tenant, 'users'), { name: 'users', limit: 2, used: 2 });
  await api.call('DELETE', '/v1/users/ada', { key: tenant.all });
  t.equal((await append(tenant, 'cy')).statusCode, 200);
});

t.test('a user with several tasks counts once, until the last of them is erased', async (t) => {
  const tenant = await tenantWith({});
  await api.registry.tasks.put(tenant.id, 'feed', {}, { base: 'test-base' });
  for (const task of ['inbox', 'feed']) {
    await api.registry.examples.append({ tenantId: tenant.id, task, user: 'Ä/b' }, [
      { input: 'x', label: 'y' },
    ]);
  }
  t.equal((await used(tenant, 'users'))?.used, 1);
  await api.call('DELETE', '/v1/tasks/feed/users/%C3%84%2Fb', { key: tenant.all });
  t.equal((await used(tenant, 'users'))?.used, 1);
  await api.call('DELETE', '/v1/tasks/inbox/users/%C3%84%2Fb', { key: tenant.all });
  t.equal((await used(tenant, 'users'))?.used, 0);
});

t.test('examples of a user beyond the tenant’s own quota are refused', async (t) => {
  const tenant = await tenantWith({ examplesPerModel: 4 });
  t.equal((await append(tenant, 'ada', 2)).statusCode, 200);
  t.match(problemOf(await append(tenant, 'ada', 3)), { status: 403, code: 'quota_examples' });
  t.equal((await append(tenant, 'ada', 2)).statusCode, 200, 'what adds none still passes');
});

t.test(
  'examples of all users together are limited too, by what is there and not by what was once',
  async (t) => {
    const tenant = await tenantWith({});
    for (const user of ['ada', 'bob']) t.equal((await append(tenant, user, 2)).statusCode, 200);
    t.same(await used(tenant, 'examples'), { name: 'examples', limit: null, used: null });
    const quotas = { examples: 10 };
    await api.call('PUT', `/v1/tenants/${tenant.id}`, { key: api.operator, payload: { name: 'x', quotas } });
    const third = await append(tenant, 'cy', 1);
    t.equal(third.statusCode, 200);
    t.equal(third.headers['ratelimit-policy'], '"examples";q=10');
    t.equal(third.headers.ratelimit, '"examples";r=0', 'what is left when it is stored');
    t.same(await used(tenant, 'examples'), { name: 'examples', limit: 10, used: 10 });
    const refused = await append(tenant, 'cy', 2);
    t.match(problemOf(refused), { status: 403, code: 'quota_examples', quota: 'examples', remaining: 0 });
    t.equal(refused.headers.ratelimit, '"examples";r=0');
    t.equal((await append(tenant, 'cy', 1)).statusCode, 200, 'what adds none still passes');
    await api.call('DELETE', '/v1/tasks/inbox/users/cy/examples/like0', { key: tenant.all });
    t.equal((await used(tenant, 'examples'))?.used, 9);
    await api.call('DELETE', '/v1/users/bob', { key: tenant.all });
    t.equal((await used(tenant, 'examples'))?.used, 5);
    await redis.flush();
    t.equal((await used(tenant, 'examples'))?.used, 5, 'and after a loss of Redis');
  },
);

t.test('bytes beyond the quota are refused, by what is stored and not by what was once', async (t) => {
  const tenant = await tenantWith({ storageBytes: 1_000 });
  t.equal((await append(tenant, 'ada')).statusCode, 200);
  const before = (await used(tenant, 'storageBytes'))?.used ?? 0;
  t.ok(before > 200 && before < 1_000, `${before}`);
  t.match(problemOf(await append(tenant, 'bob', 20)), { status: 403, code: 'quota_storage' });
  t.equal((await append(tenant, 'bob')).statusCode, 200);
  await api.call('DELETE', '/v1/users/bob', { key: tenant.all });
  t.equal((await used(tenant, 'storageBytes'))?.used, before);
  t.equal(await api.registry.usage.measure(tenant.id), before, 'as the bucket has it');
});

t.test('jobs beyond the day’s are refused until the next day; a joined one is no new one', async (t) => {
  const tenant = await tenantWith({ jobsPerDay: 2 });
  for (const user of ['ada', 'bob', 'cy']) await append(tenant, user);
  const first = await createJob(tenant, 'ada');
  t.equal(first.statusCode, 202);
  t.equal(first.headers['ratelimit-policy'], '"jobs-per-day";q=2;w=86400');
  t.match(first.headers.ratelimit, /^"jobs-per-day";r=1;t=\d+$/);
  t.equal((await createJob(tenant, 'bob')).statusCode, 202);
  t.equal((await createJob(tenant, 'ada')).statusCode, 200, 'it joins the one that waits');
  const refused = await createJob(tenant, 'cy');
  t.match(problemOf(refused), { status: 429, code: 'quota_jobs_per_day' });
  const untilMidnight = (86_400_000 - (api.time.now % 86_400_000)) / 1_000;
  t.equal(Number(refused.headers['retry-after']), Math.ceil(untilMidnight));
  api.time.now += untilMidnight * 1_000;
  t.equal((await createJob(tenant, 'cy')).statusCode, 202);
  t.equal((await used(tenant, 'jobsPerDay'))?.used, 1);
});

t.test('jobs that are open at once are limited, and one that ends makes room', async (t) => {
  const tenant = await tenantWith({ openJobs: 1 });
  for (const user of ['ada', 'bob']) await append(tenant, user);
  const { id } = (await createJob(tenant, 'ada')).json();
  const refused = await createJob(tenant, 'bob');
  t.match(problemOf(refused), { status: 429, code: 'quota_open_jobs' });
  t.equal(refused.headers['ratelimit-policy'], '"open-jobs";q=1');
  t.equal(refused.headers.ratelimit, '"open-jobs";r=0');
  t.ok(Number(refused.headers['retry-after']) > 0);
  await api.call('POST', `/v1/jobs/${id}/cancel`, { key: tenant.all });
  t.equal((await createJob(tenant, 'bob')).statusCode, 202);
});

t.test('rows are limited in any 60 seconds, not by the clock’s minutes', async (t) => {
  const tenant = await tenantWith({ predictRowsPerMinute: 10 });
  await api.publish({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  const predict = (rows: number) =>
    api.call('POST', '/v1/tasks/inbox/users/ada/predict', {
      key: tenant.all,
      payload: { inputs: Array.from({ length: rows }, () => 'a') },
    });
  api.time.now += 60_000 - (api.time.now % 60_000) - 1_000;
  const first = await predict(6);
  t.equal(first.headers['ratelimit-policy'], '"predict-rows";q=10;w=60');
  t.equal(first.headers.ratelimit, '"predict-rows";r=4;t=60');
  api.time.now += 2_000;
  const early = await predict(5);
  t.match(problemOf(early), { status: 429, code: 'quota_predict_rows' });
  t.equal(early.headers['retry-after'], '58', 'a new minute of the clock changes nothing');
  t.equal((await predict(4)).statusCode, 200);
  t.same(await used(tenant, 'predictRowsPerMinute'), { name: 'predictRowsPerMinute', limit: 10, used: 10 });
  api.time.now += 58_000;
  t.equal((await predict(6)).statusCode, 200, 'the first six are a minute old');
  t.equal((await predict(1)).statusCode, 429);
});

t.test('a quota that is used up is told to the tenant’s webhooks, once a period', async (t) => {
  const tenant = await tenantWith({ openJobs: 0 });
  await append(tenant, 'ada');
  await api.registry.webhooks.create(tenant.id, { url: 'https://example.com', events: ['quota.exceeded'] });
  for (let count = 0; count < 3; count += 1) t.equal((await createJob(tenant, 'ada')).statusCode, 429);
  const orders = async () => (await api.queue.counts()).deliveries.waiting;
  while ((await orders()) === 0) await new Promise(setImmediate);
  t.equal(await orders(), 1);
});

t.test('use by day outlives the loss of Redis, and goes on from there', async (t) => {
  const tenant = await tenantWith({});
  await api.publish({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
  const predict = async () => {
    const payload = { inputs: ['a', 'b', 'c'] };
    await api.call('POST', '/v1/tasks/inbox/users/ada/predict', { key: tenant.all, payload });
    await api.meter.flush();
  };
  const keeper = createUsageKeeper({ registry: api.registry, meter: api.meter, clock: () => api.time.now });
  const day = new Date(api.time.now).toISOString().slice(0, 10);
  await predict();
  t.match((await usage(tenant)).days, [{ day, predictRows: 3, storedBytes: Number }], 'before it is kept');
  api.meter.trained(tenant.id, 2.5);
  await api.meter.flush();
  await keeper.keep();
  await redis.flush();
  await api.registry.ensureIndexed();
  t.match((await usage(tenant)).days, [{ day, predictRows: 3, trainingSeconds: 2.5 }]);
  await predict();
  t.match((await usage(tenant)).days, [{ day, predictRows: 6, trainingSeconds: 2.5 }]);
  await keeper.keep();
  await keeper.keep();
  t.match((await usage(tenant)).days, [{ day, predictRows: 6 }], 'kept twice it counts once');
  api.time.now += 86_400_000;
  await predict();
  const { days } = await usage(tenant);
  t.same(
    days.map(({ predictRows }) => predictRows),
    [3, 6],
  );
  const only = await api.call('GET', `/v1/usage?from=${day}&to=${day}`, { key: tenant.all });
  t.match(only.json().days, [{ day }]);
  t.equal(only.json().days.length, 1);
});

t.test('every tenant is measured in turn, and what it stores stands in its day', async (t) => {
  const tenant = await tenantWith({});
  await append(tenant, 'ada');
  const keeper = createUsageKeeper({ registry: api.registry, meter: api.meter, clock: () => api.time.now });
  await keeper.measureAll();
  const [today] = (await usage(tenant)).days;
  t.equal(today?.storedBytes, (await used(tenant, 'storageBytes'))?.used);
});

t.test('a range that cannot be is refused, and a tenant sets no quotas of its own', async (t) => {
  const tenant = await tenantWith({});
  const bad = await api.call('GET', '/v1/usage?from=2026-02-01&to=2026-01-01', { key: tenant.all });
  t.match(problemOf(bad), { status: 400, errors: [{ path: 'query/from' }] });
  const own = await api.call('PUT', `/v1/tenants/${tenant.id}`, {
    key: tenant.all,
    payload: { name: 'mine' },
  });
  t.equal(own.statusCode, 403);
  const none = await api.call('PUT', `/v1/tenants/ten_${'0'.repeat(26)}`, {
    key: api.operator,
    payload: { name: 'none' },
  });
  t.match(problemOf(none), { status: 404, code: 'tenant_not_found' });
});
