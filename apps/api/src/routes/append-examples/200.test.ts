import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

const path = '/v1/tasks/inbox/users/ada/examples';
const example = (id: string, label = 'like') => ({ id, input: `text ${id}`, label });
const ndjson = (payload: string, url = path) =>
  api.call('POST', url, { key: tenant.train, payload, headers: { 'content-type': 'application/x-ndjson' } });
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
  const response = await ndjson(`${lines[0]}\r\n\n${lines[1]}\n  \n${lines[2]}`, path.replace('ada', 'bob'));
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
    const payload = { examples: [{ id: 'only', input: user, label: 'like' }] };
    const response = await api.call('POST', url, { key: tenant.train, payload });
    t.match(response.json(), { accepted: 1, total: 1 }, JSON.stringify(user));
    const list = await api.call('GET', url, { key: tenant.train });
    t.equal(list.json().data[0].input, user);
  }
});
