import { limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';
import { problemOf, startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const tenant = await api.createTenant();
const probe = new Redis(redis.connect());
t.teardown(async () => probe.disconnect());
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

let made = 0;
const newKey = () => {
  made += 1;
  return `call-${made}`;
};
const createKey = (idempotencyKey: string, payload: object, key = tenant.admin) =>
  api.call('POST', '/v1/keys', { key, payload, headers: { 'idempotency-key': idempotencyKey } });
const payload = { name: 'backend', scopes: ['train'] };
const countKeys = async () => (await api.registry.keys.list(tenant.id)).data.length;

t.test(
  'a repetition has the effect once and gets the very answer of the first, headers included',
  async (t) => {
    const key = newKey();
    const before = await countKeys();
    const first = await createKey(key, payload);
    t.equal(first.statusCode, 201);
    t.equal(first.headers['idempotency-replayed'], undefined);
    const again = await createKey(key, payload);
    t.equal(again.statusCode, 201);
    t.equal(again.body, first.body);
    t.equal(again.headers['idempotency-replayed'], 'true');
    t.equal(again.headers['cache-control'], 'no-store');
    t.not(again.headers['x-request-id'], first.headers['x-request-id']);
    t.equal((await createKey(`"${key}"`, payload)).body, first.body, 'quoted, as the draft writes it');
    t.equal(await countKeys(), before + 1);
  },
);

t.test('the same key with another body is refused; another API key has keys of its own', async (t) => {
  const key = newKey();
  await createKey(key, payload);
  t.match(problemOf(await createKey(key, { ...payload, name: 'other' })), {
    status: 422,
    code: 'idempotency_key_reused',
  });
  const other = await api.call('POST', '/v1/tasks/inbox/users/ada/collect', {
    key: tenant.all,
    headers: { 'idempotency-key': key },
  });
  t.not(other.statusCode, 422, 'another API key has keys of its own');
});

t.test(
  'while the first is under way a repetition is told to come back, and then gets its answer',
  async (t) => {
    let finish: () => void = () => {};
    const held = new Promise<void>((done) => {
      finish = done;
    });
    let entered: () => void = () => {};
    const inside = new Promise<void>((done) => {
      entered = done;
    });
    const slow = await startTestApi(t, {
      redis,
      override: {
        async checkWebhookUrl() {
          entered();
          await held;
        },
      },
    });
    const owner = await slow.createTenant();
    const call = () =>
      slow.call('POST', '/v1/webhooks', {
        key: owner.admin,
        payload: { url: 'https://example.com' },
        headers: { 'idempotency-key': 'one' },
      });
    const first = call();
    await inside;
    const early = await call();
    t.match(problemOf(early), { status: 409, code: 'idempotency_in_progress' });
    t.equal(early.headers['retry-after'], '1');
    finish();
    const { statusCode, body } = await first;
    t.equal(statusCode, 201);
    t.equal((await call()).body, body);
    t.equal((await slow.registry.webhooks.list(owner.id)).data.length, 1);
  },
);

t.test('a call that fails keeps nothing: its key works once the cause is gone', async (t) => {
  const key = newKey();
  const create = () =>
    api.call('POST', '/v1/jobs', {
      key: tenant.train,
      payload: { task: 'inbox', user: 'eve' },
      headers: { 'idempotency-key': key },
    });
  t.equal((await create()).statusCode, 422);
  await api.registry.examples.append({ tenantId: tenant.id, task: 'inbox', user: 'eve' }, [
    { input: 'a', label: 'like' },
    { input: 'b', label: 'like' },
    { input: 'c', label: 'hide' },
    { input: 'd', label: 'hide' },
  ]);
  const done = await create();
  t.equal(done.statusCode, 202, done.body);
  const again = await create();
  t.equal(again.statusCode, 202, 'not the 200 of a join');
  t.equal(again.headers.location, done.headers.location);
});

t.test('a call whose process died frees its key, and the next one is made', async (t) => {
  const key = newKey();
  await createKey(key, payload);
  const names = await probe.keys('{scion}:idempotency:*');
  const lives = await Promise.all(names.map((name) => probe.ttl(name)));
  t.ok(
    lives.every((seconds) => seconds > 86_000 && seconds <= 86_400),
    'answers are kept for a day',
  );
  // As a death leaves it: taken, without an answer, until it expires.
  for (const name of names) await probe.hset(name, 'token', 'dead');
  for (const name of names) await probe.hdel(name, 'sealed');
  t.equal((await createKey(key, payload)).statusCode, 409);
  for (const name of names) await probe.del(name);
  t.equal((await createKey(key, payload)).statusCode, 201);
});

t.test('the longest archive may come with a key', async (t) => {
  const headers = { 'idempotency-key': newKey(), 'content-type': 'application/x-tar' };
  const payload = Buffer.alloc(limits.archiveBytes, 0xff);
  const answer = await api.call('POST', '/v1/users/import', { key: tenant.admin, payload, headers });
  t.match(problemOf(answer), { status: 422, code: 'archive_invalid' }, 'read, and found to be none');
});

t.test('nothing of call or answer can be read in Redis, and each caller has keys of its own', async (t) => {
  const { secret } = (await createKey('same', { ...payload, name: 'legible name' })).json();
  const stranger = await api.createTenant('stranger');
  const theirs = (await createKey('same', { ...payload, name: 'legible name' }, stranger.admin)).json();
  t.not(theirs.secret, secret);
  t.equal(theirs.tenantId, stranger.id);
  for (const name of await probe.keys('*idempotency*')) {
    const content = `${name} ${JSON.stringify(await probe.hgetall(name))}`;
    for (const text of [secret, secret.slice(6), 'legible', 'same', tenant.admin, tenant.id]) {
      t.notOk(content.includes(text));
    }
  }
});

t.test('a key that no header can carry over is refused, and other methods know none', async (t) => {
  for (const key of ['', 'x'.repeat(256), 'ü']) {
    const response = await createKey(key, payload);
    t.match(problemOf(response), { status: 400, errors: [{ path: 'header/idempotency-key' }] });
  }
  const put = () =>
    api.call('PUT', '/v1/tasks/feed', {
      key: tenant.admin,
      payload: {},
      headers: { 'idempotency-key': 'p' },
    });
  t.same([(await put()).statusCode, (await put()).statusCode], [201, 200]);
});
