import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/tasks/:task/users/:user/examples: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';
  const example = (id: string, label = 'like') => ({ id, input: `text ${id}`, label });
  const ndjson = (payload: string, url = path) =>
    api.call('POST', url, {
      key: tenant.train,
      payload,
      headers: { 'content-type': 'application/x-ndjson' },
    });
  const stored = async (user = 'ada') =>
    (await api.registry.examples.all({ tenantId: tenant.id, task: 'inbox', user })).examples;

  t.test('examples are stored, and ids are told in the order sent', async (t) => {
    const payload = { examples: [example('b'), { input: 'no id', label: 'hide' }, example('a')] };
    const response = await api.call('POST', path, { key: tenant.train, payload });
    t.equal(response.statusCode, 200, response.body);
    const answer = response.json();
    t.match(answer, { accepted: 3, replaced: 0, duplicates: 0, total: 3 });
    t.equal(answer.ids[0], 'b');
    t.match(answer.ids[1], /^exa_/);
    t.equal(answer.ids[2], 'a');
  });

  t.test('sending again changes nothing; other content under an id replaces', async (t) => {
    const again = await api.call('POST', path, { key: tenant.train, payload: { examples: [example('a')] } });
    t.match(again.json(), { accepted: 0, replaced: 0, duplicates: 1, total: 3 });
    const changed = { examples: [example('a', 'hide')] };
    const response = await api.call('POST', path, { key: tenant.train, payload: changed });
    t.match(response.json(), { accepted: 0, replaced: 1, duplicates: 0, total: 3 });
  });

  t.test('an id twice in one request counts once, the later one wins', async (t) => {
    const payload = { examples: [example('twice', 'like'), example('twice', 'hide')] };
    const response = await api.call('POST', path, { key: tenant.train, payload });
    t.match(response.json(), { ids: ['twice', 'twice'], total: 4 });
    t.equal((await stored()).find(({ id }) => id === 'twice')?.label, 'hide');
  });

  t.test('NDJSON is one example a line; blank lines and CRLF do not matter', async (t) => {
    const lines = [example('1'), example('2'), example('3')].map((row) => JSON.stringify(row));
    const response = await ndjson(
      `${lines[0]}\r\n\n${lines[1]}\n  \n${lines[2]}`,
      path.replace('ada', 'bob'),
    );
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json(), { accepted: 3, ids: ['1', '2', '3'] });
  });

  t.test('JSON and NDJSON store the same', async (t) => {
    const rows = [example('1'), { ...example('2', 'line\nbreak é 😀'), weight: 2.5 }];
    await api.call('POST', path.replace('ada', 'j'), { key: tenant.train, payload: { examples: rows } });
    await ndjson(rows.map((row) => JSON.stringify(row)).join('\n'), path.replace('ada', 'n'));
    t.same(await stored('j'), await stored('n'));
  });

  t.test('a user may bear any name up to 256 bytes', async (t) => {
    const users = [
      'a/b',
      'a%2Fb',
      '50%',
      'a b',
      ' ',
      '...',
      'é',
      '😀'.repeat(64),
      'a'.repeat(256),
      '#?&',
      '\\',
      '\u0000',
    ];
    for (const user of users) {
      const url = `/v1/tasks/inbox/users/${encodeURIComponent(user)}/examples`;
      const payload = { examples: [{ id: 'only', input: `of ${user}`, label: 'like' }] };
      const response = await api.call('POST', url, { key: tenant.train, payload });
      t.match(response.json(), { accepted: 1, total: 1 }, JSON.stringify(user));
      const list = await api.call('GET', url, { key: tenant.train });
      t.equal(list.json().data[0].input, `of ${user}`);
    }
  });
});

t.test('POST /v1/tasks/:task/users/:user/examples: 403 by quota', async (t) => {
  const api = await startTestApi(t, { redis, settings: { examplesPerModel: 3 } });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';
  const post = (ids: string[]) =>
    api.call('POST', path, {
      key: tenant.train,
      payload: { examples: ids.map((id) => ({ id, input: `text ${id}`, label: 'like' })) },
    });

  t.test('examples beyond the quota are refused', async (t) => {
    t.equal((await post(['1', '2'])).statusCode, 200);
    const response = await post(['3', '4']);
    t.match(problemOf(response), { status: 403, code: 'quota_examples' });
  });

  t.test('what adds no example still passes at the quota', async (t) => {
    t.equal((await post(['3'])).statusCode, 200);
    t.match((await post(['1', '2', '3'])).json(), { duplicates: 3, total: 3 });
  });

  t.test('a row without an id adds an example, whatever ids there are', async (t) => {
    const url = path.replace('ada', 'bob');
    const add = (examples: object[]) =>
      api.call('POST', url, {
        key: tenant.train,
        payload: { examples: examples.map((row) => ({ ...row, input: 'x', label: 'like' })) },
      });
    t.equal((await add([{ id: '0' }, { id: '1' }, { id: '2' }])).statusCode, 200);
    for (const rows of [[{}], [{ id: '1' }, {}]]) {
      t.match(problemOf(await add(rows)), { status: 403, code: 'quota_examples' });
    }
  });
});

t.test('GET /v1/tasks/:task/users/:user/examples: 200', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';

  t.test('examples come oldest first, a page at a time', async (t) => {
    const ref = { tenantId: tenant.id, task: 'inbox', user: 'ada' };
    for (const id of ['1', '2', '3']) {
      await api.registry.examples.append(ref, [{ id, input: `text ${id}`, label: 'like' }]);
      api.time.now += 1_000;
    }
    const first = await api.call('GET', path, { key: tenant.train, query: { limit: '2' } });
    t.equal(first.statusCode, 200, first.body);
    const { data, nextCursor } = first.json();
    const second = await api.call('GET', path, { key: tenant.train, query: { cursor: nextCursor } });
    const ids = [...data, ...second.json().data].map(({ id }: { id: string }) => id);
    t.same(ids, ['1', '2', '3']);
    t.match(data[0], { input: 'text 1', label: 'like', weight: 1 });
    t.equal(second.json().nextCursor, null);
  });

  t.test('a user without examples has an empty list', async (t) => {
    const response = await api.call('GET', path.replace('ada', 'nobody'), { key: tenant.train });
    t.same(response.json(), { data: [], nextCursor: null });
  });
});
