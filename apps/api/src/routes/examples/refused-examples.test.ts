import { limits } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());

t.test('POST /v1/tasks/:task/users/:user/examples: 400', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';
  const ndjson = (payload: string | Buffer) =>
    api.call('POST', path, {
      key: tenant.train,
      payload,
      headers: { 'content-type': 'application/x-ndjson' },
    });
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
      const response = await api.call('POST', url, { key: tenant.train, payload: { examples: [] } });
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
});

t.test('POST /v1/tasks/:task/users/:user/examples: 413', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';

  t.test('a body over the limit is refused in either form, and nothing is stored', async (t) => {
    const line = `${JSON.stringify({ input: 'x'.repeat(19_000), label: 'like' })}\n`;
    const headers = { 'content-type': 'application/x-ndjson' };
    const lines = line.repeat(Math.ceil(limits.bodyBytes / line.length));
    const streamed = await api.call('POST', path, { key: tenant.train, headers, payload: lines });
    t.match(problemOf(streamed), { status: 413, code: 'payload_too_large' });

    const payload = { examples: [{ input: 'x'.repeat(limits.bodyBytes), label: 'like' }] };
    const whole = await api.call('POST', path, { key: tenant.train, payload });
    t.match(problemOf(whole), { status: 413, code: 'payload_too_large' });
    t.equal(await api.registry.examples.count({ tenantId: tenant.id, task: 'inbox', user: 'ada' }), 0);
  });
});

t.test('POST /v1/tasks/:task/users/:user/examples: 415', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';

  t.test('another media type is refused', async (t) => {
    const headers = { 'content-type': 'text/csv' };
    const response = await api.call('POST', path, { key: tenant.train, headers, payload: 'a,b' });
    t.match(problemOf(response), { status: 415, code: 'unsupported_media_type' });
  });

  t.test('only examples may come as NDJSON', async (t) => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = await api.call('POST', '/v1/jobs', { key: tenant.train, headers, payload: '{}' });
    t.match(problemOf(response), { status: 415 });
  });
});

t.test('POST /v1/tasks/:task/users/:user/examples: 422', async (t) => {
  const api = await startTestApi(t, { redis });
  const tenant = await api.createTenant();
  await api.registry.tasks.put(tenant.id, 'inbox', { labels: ['like', 'hide'] }, { base: 'test-base' });

  const path = '/v1/tasks/inbox/users/ada/examples';
  const post = (examples: unknown[]) => api.call('POST', path, { key: tenant.train, payload: { examples } });
  const good = { input: 'x', label: 'like' };
  t.afterEach(async () => {
    const count = await api.registry.examples.count({ tenantId: tenant.id, task: 'inbox', user: 'ada' });
    if (count > 0) throw new Error('something of a refused request was stored');
  });

  t.test('an empty text is pointed at; whitespace is empty', async (t) => {
    const response = await post([good, { input: '', label: 'like' }, { input: ' \n\t', label: 'like' }]);
    t.match(problemOf(response), {
      ...{ status: 422, code: 'input_empty' },
      errors: [
        { path: '/examples/1/input', code: 'input_empty' },
        { path: '/examples/2/input', code: 'input_empty' },
      ],
    });
  });

  t.test('an oversized text is pointed at', async (t) => {
    const response = await post([good, { input: 'x'.repeat(limits.textChars + 1), label: 'like' }]);
    t.match(problemOf(response), {
      ...{ status: 422, code: 'input_too_long' },
      errors: [{ path: '/examples/1/input', code: 'input_too_long' }],
    });
    t.notMatch(response.body, 'xxxx', 'the text is not sent back');
  });

  t.test('a label of the wrong kind is pointed at', async (t) => {
    for (const label of [3, true, null, ['like'], { like: 1 }]) {
      const response = await post([good, { input: 'x', label }]);
      t.match(problemOf(response), {
        ...{ status: 422, code: 'label_wrong_kind' },
        errors: [{ path: '/examples/1/label', code: 'label_wrong_kind' }],
      });
    }
  });

  t.test('a value beyond what can be reckoned with is pointed at, and not repeated', async (t) => {
    await api.registry.tasks.put(tenant.id, 'prices', { kind: 'regression' }, { base: 'test-base' });
    for (const label of [1.5e30, -1e39]) {
      const response = await api.call('POST', '/v1/tasks/prices/users/ada/examples', {
        key: tenant.train,
        payload: {
          examples: [
            { input: 'x', label: 1e30 },
            { input: 'x', label },
          ],
        },
      });
      t.match(problemOf(response), {
        ...{ status: 422, code: 'label_wrong_kind' },
        errors: [{ path: '/examples/1/label', message: 'must be a number from -1e+30 to 1e+30' }],
      });
      t.notMatch(response.body, /1\.5e|1e\+39/);
    }
  });

  t.test('a label outside the closed set is pointed at, and not repeated', async (t) => {
    const response = await post([{ input: 'x', label: 'zebra' }]);
    t.match(problemOf(response), {
      ...{ status: 422, code: 'label_not_allowed' },
      errors: [{ path: '/examples/0/label' }],
    });
    t.notMatch(response.body, 'zebra');
  });

  t.test('too many rows are refused in either form', async (t) => {
    const rows = Array.from({ length: limits.examplesPerRequest + 1 }, () => good);
    t.match(problemOf(await post(rows)), { status: 422, code: 'too_many_rows' });
    const response = await api.call('POST', path, {
      key: tenant.train,
      payload: rows.map((row) => JSON.stringify(row)).join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    t.match(problemOf(response), {
      ...{ status: 422, code: 'too_many_rows' },
      errors: [{ path: `line ${limits.examplesPerRequest + 1}` }],
    });
  });
});
