import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';
const ndjson = (payload: string | Buffer) =>
  api.call('POST', path, { key: tenant.train, payload, headers: { 'content-type': 'application/x-ndjson' } });
const nothingStored = async () =>
  (await api.registry.examples.count({ tenantId: tenant.id, task: 'inbox', user: 'ada' })) === 0;
const good = '{"id":"1","input":"x","label":"like"}';

t.test('a malformed NDJSON line is named, and nothing of the request is stored', async (t) => {
  const cases: [string | Buffer, number][] = [
    [`${good}\n${good.slice(0, -1)}\n`, 2],
    [`${good}\n\n\nnonsense`, 4],
    [Buffer.concat([Buffer.from(`${good}\n"`), Buffer.from([0xc3, 0x28]), Buffer.from('"')]), 2],
    [`${good}\n"${'x'.repeat(200_000)}"`, 2],
  ];
  for (const [payload, line] of cases) {
    const response = await ndjson(payload);
    t.equal(response.statusCode, 400);
    t.match(problemOf(response), { code: 'malformed_ndjson', errors: [{ path: `line ${line}` }] });
  }
  t.ok(await nothingStored());
});

t.test('a line that is no example is named, with the member that is wrong', async (t) => {
  const response = await ndjson(`${good}\n{"label":"like"}\n[]\n{"input":"x","label":"a","wight":2}`);
  const { code, errors } = problemOf(response);
  t.equal(code, 'invalid_request');
  t.same(
    errors?.map(({ path: at }) => at),
    ['line 2 /input', 'line 3', 'line 4 /wight'],
  );
  t.ok(await nothingStored());
});

t.test('malformed JSON is refused', async (t) => {
  const bodies: (string | Buffer)[] = ['{"examples":[', 'x', Buffer.from([0x22, 0xff, 0x22])];
  for (const payload of bodies) {
    const headers = { 'content-type': 'application/json' };
    const response = await api.call('POST', path, { key: tenant.train, payload, headers });
    t.match(problemOf(response), { status: 400, code: 'malformed_json' });
  }
});

t.test('a JSON row that is wrong is pointed at', async (t) => {
  const rows = [{ input: 'x', label: 'like' }, { input: 'x' }, { input: 3, label: 'like', weight: -1 }];
  const response = await api.call('POST', path, { key: tenant.train, payload: { examples: rows } });
  t.same(
    problemOf(response).errors?.map(({ path: at }) => at),
    ['/examples/1/label', '/examples/2/input', '/examples/2/weight'],
  );
  t.ok(await nothingStored());
});

t.test('a body without examples is refused', async (t) => {
  for (const payload of [{}, { examples: [] }, { examples: 'x' }, { rows: [] }]) {
    t.equal((await api.call('POST', path, { key: tenant.train, payload })).statusCode, 400);
  }
  t.match(problemOf(await ndjson('\n\n')), { code: 'invalid_request' });
});

t.test('half a surrogate pair is no text', async (t) => {
  const response = await ndjson('{"input":"\\ud800","label":"like"}');
  t.match(problemOf(response), { status: 400, errors: [{ path: 'line 1 /input' }] });
});

t.test('a user id over 256 bytes is refused, also when it has fewer characters', async (t) => {
  for (const user of ['a'.repeat(257), '😀'.repeat(65), 'é'.repeat(129)]) {
    const url = `/v1/tasks/inbox/users/${encodeURIComponent(user)}/examples`;
    const response = await api.call('POST', url, { key: tenant.train, payload: good });
    t.match(problemOf(response), { status: 400, errors: [{ path: 'path/user', message: /256 bytes/ }] });
  }
});

t.test('a broken percent-encoding is refused', async (t) => {
  for (const user of ['%zz', '%ff', '%']) {
    const response = await api.call('GET', path.replace('ada', user), { key: tenant.train });
    t.match(problemOf(response), { status: 400, code: 'invalid_request' });
    t.ok(response.headers['x-request-id']);
  }
});
