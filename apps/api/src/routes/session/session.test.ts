import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('a session', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant('Orchard Mail');

  const signIn = async (key: string, headers: Record<string, string> = {}) => {
    const response = await api.call('POST', '/v1/session', { key, headers });
    t.equal(response.statusCode, 201, response.body);
    const setCookie = String(response.headers['set-cookie']);
    return { setCookie, cookie: setCookie.split(';')[0]!, session: response.json() };
  };

  t.test('is a cookie that scripts cannot read and other sites cannot send', async (t) => {
    const { setCookie, session } = await signIn(tenant.all);
    t.match(setCookie, /; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    t.match(session, {
      tenant: { id: tenant.id, name: 'Orchard Mail' },
      scopes: ['admin', 'train', 'predict'],
    });
    const overTls = await signIn(tenant.all, { 'x-forwarded-proto': 'https' });
    t.match(overTls.setCookie, /; Secure$/);
  });

  t.test('speaks for its key, and for no more than the key may do', async (t) => {
    const { cookie } = await signIn(tenant.train);
    t.equal((await api.call('GET', '/v1/jobs', { headers: { cookie } })).statusCode, 200);
    t.match(problemOf(await api.call('GET', '/v1/keys', { headers: { cookie } })), { code: 'scope_missing' });
    const operator = await signIn(api.operator);
    t.equal(operator.session.tenant, null);
    const named = { headers: { cookie: operator.cookie }, tenant: tenant.id };
    t.equal((await api.call('GET', '/v1/jobs', named)).statusCode, 200);
  });

  t.test('changes nothing without the token that only its own page knows', async (t) => {
    const { cookie, session } = await signIn(tenant.all);
    const other = await signIn(tenant.all);
    const put = (headers: Record<string, string>) =>
      api.call('PUT', '/v1/tasks/inbox', { headers: { cookie, ...headers }, payload: {} });
    for (const token of [undefined, '', 'x'.repeat(43), other.session.csrfToken]) {
      const refused = await put(token === undefined ? {} : { 'scion-csrf': token });
      t.match(problemOf(refused), { status: 403, code: 'csrf_refused' });
    }
    t.equal((await put({ 'scion-csrf': session.csrfToken })).statusCode, 201);
    const again = await api.call('GET', '/v1/session', { headers: { cookie } });
    t.same(again.json(), session, 'a page that was reloaded learns it again');
  });

  t.test('yields to a key that is sent beside it', async (t) => {
    const { cookie } = await signIn(tenant.all);
    const response = await api.call('GET', '/v1/keys', { key: tenant.predict, headers: { cookie } });
    t.match(problemOf(response), { code: 'scope_missing' });
  });

  t.test('ends by signing out, with its key, and after twelve hours', async (t) => {
    const works = async (cookie: string) =>
      (await api.call('GET', '/v1/session', { headers: { cookie } })).statusCode;
    const left = await signIn(tenant.all);
    const out = await api.call('DELETE', '/v1/session', {
      headers: { cookie: left.cookie, 'scion-csrf': left.session.csrfToken },
    });
    t.equal(out.statusCode, 204);
    t.match(String(out.headers['set-cookie']), /^scion_session=; Path=\/; Max-Age=0;/);
    t.equal(await works(left.cookie), 401);

    const { id, secret } = await api.registry.keys.create(tenant.id, { name: 'x', scopes: ['admin'] });
    const keyed = await signIn(secret);
    t.equal(await works(keyed.cookie), 200);
    await api.registry.keys.delete(tenant.id, id);
    t.equal(await works(keyed.cookie), 401);

    const old = await signIn(tenant.all);
    api.time.now += 12 * 3_600_000;
    t.equal(await works(old.cookie), 401);
    t.equal(await works('scion_session=made-up'), 401);
  });

  t.test('cannot be begun with a cookie, nor looked at with a key', async (t) => {
    const { cookie, session } = await signIn(tenant.all);
    const headers = { cookie, 'scion-csrf': session.csrfToken };
    t.match(problemOf(await api.call('POST', '/v1/session', { headers })), { status: 401 });
    t.match(problemOf(await api.call('GET', '/v1/session', { key: tenant.all })), { status: 401 });
  });

  t.test('is stored without its token', async (t) => {
    const { cookie, session } = await signIn(tenant.all);
    const keys = await api.redis.keys('*session*');
    const values = await Promise.all(keys.map((key) => api.redis.get(key)));
    const stored = [...keys, ...values].join(' ');
    t.notMatch(stored, cookie.split('=')[1]!);
    t.notMatch(stored, session.csrfToken);
  });
});

t.test('a key that may only read looks at everything and changes nothing', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  const reader = (await api.registry.keys.create(tenant.id, { name: 'looks', scopes: ['read'] })).secret;
  for (const url of ['/v1/jobs', '/v1/models', '/v1/tasks', '/v1/keys', '/v1/webhooks']) {
    t.equal((await api.call('GET', url, { key: reader })).statusCode, 200, url);
  }
  const writes = [
    ['POST', '/v1/jobs'],
    ['PUT', '/v1/tasks/inbox'],
    ['POST', '/v1/keys'],
    ['DELETE', '/v1/users/ada'],
    ['POST', '/v1/tasks/inbox/users/ada/predict'],
  ] as const;
  for (const [method, url] of writes) {
    t.match(problemOf(await api.call(method, url, { key: reader })), { code: 'scope_missing' }, url);
  }
  t.equal((await api.call('GET', '/v1/system', { key: reader })).statusCode, 403, 'of its tenant only');
  const watcher = (await api.registry.keys.create(null, { name: 'watches', scopes: ['read'] })).secret;
  t.equal((await api.call('GET', '/v1/system', { key: watcher })).statusCode, 200);
  t.equal((await api.call('POST', '/v1/tenants', { key: watcher })).statusCode, 403);
});
