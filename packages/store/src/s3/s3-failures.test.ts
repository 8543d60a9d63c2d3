import { AppError } from '@scion/contracts';
import { createS3Store, type S3StoreOptions } from '@scion/store';
import { startS3, type TestS3 } from '@scion/testkit';
import t, { type Test } from 'tap';

const bytes = (text: string) => new TextEncoder().encode(text);

async function open(t: Test, options: Partial<S3StoreOptions> = {}) {
  const server = await startS3();
  const store = await createS3Store({ ...server, ...options });
  t.teardown(async () => {
    await store.close();
    await server.close();
  });
  server.requests.length = 0;
  return { server, store };
}

/** Rejects with this code, and says neither key nor secret. */
async function refused(t: Test, work: Promise<unknown>, code: string, detail: RegExp, server?: TestS3) {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof AppError)) return t.fail(`no AppError: ${error}`);
  t.equal(error.code, code);
  t.match(error.detail, detail);
  t.notMatch(error.detail, 'the-key');
  if (server) t.notMatch(error.detail, server.credentials.secretAccessKey);
}

await t.test('a busy store and a dropped connection are asked again', async (t) => {
  const { server, store } = await open(t);
  server.failNext('busy', 'drop');
  t.match(await store.put('k', bytes('v')), { bytes: 1 });
  t.equal(server.requests.filter(({ method }) => method === 'PUT').length, 3);
  server.failNext('drop', 'busy');
  t.match(await store.get('k'), { bytes: 1 });
});

await t.test('a store that stays busy is not_ready, after as many attempts as configured', async (t) => {
  const { server, store } = await open(t, { maxAttempts: 2 });
  server.failNext('busy', 'busy');
  await refused(t, store.put('the-key', bytes('v')), 'not_ready', /busy/, server);
  t.equal(server.requests.length, 2);
});

await t.test('a create whose answer got lost still knows that it won', async (t) => {
  const { server, store } = await open(t);
  server.failNext('lost-answer');
  t.match(await store.create('k', bytes('mine')), { key: 'k', bytes: 4 });
  server.failNext('drop');
  t.equal(await store.create('k', bytes('other')), undefined);
});

await t.test('a create that meets another in flight asks again', async (t) => {
  const { server, store } = await open(t);
  server.failNext('conflict', 'conflict');
  t.match(await store.create('k', bytes('v')), { bytes: 1 });
});

await t.test('a damaged or shortened body is fetched again', async (t) => {
  const { server, store } = await open(t);
  await store.put('k', bytes('the whole body'));
  server.failNext('damaged', 'broken-off');
  t.equal(new TextDecoder().decode((await store.get('k'))?.body), 'the whole body');
});

await t.test('a body that stays damaged is never handed out', async (t) => {
  const { server, store } = await open(t);
  await store.put('the-key', bytes('the whole body'));
  server.failNext('damaged', 'damaged', 'damaged', 'damaged');
  await refused(t, store.get('the-key'), 'internal', /checksum/, server);
});

await t.test('a store that never answers is not_ready after the timeout', async (t) => {
  const { server, store } = await open(t, { timeoutMs: 100, maxAttempts: 2 });
  server.failNext('stalled', 'stalled');
  await refused(t, store.head('the-key'), 'not_ready', /cannot be reached/);
});

await t.test('a store that stalls in the middle of an answer is not_ready after the timeout', async (t) => {
  const { server, store } = await open(t, { timeoutMs: 100, maxAttempts: 2 });
  const stall = () => server.failNext('stalled-body', 'stalled-body');
  stall();
  await refused(t, store.list(''), 'not_ready', /cannot be reached/);
  stall();
  await refused(t, store.children(''), 'not_ready', /cannot be reached/);
  stall();
  await refused(t, store.put('the-key', bytes('v')), 'not_ready', /cannot be reached/);
  stall();
  await refused(t, store.get('absent'), 'not_ready', /cannot be reached/);
  server.failNext('stalled-body');
  t.strictSame(
    (await store.list('')).objects.map(({ key }) => key),
    ['the-key'],
    'and is asked again',
  );
});

await t.test('a store whose credentials have run out is not_ready, and says what to do', async (t) => {
  const { server, store } = await open(t);
  for (const code of ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired']) {
    server.failNext({ status: 400, code });
    await refused(t, store.put('the-key', bytes('v')), 'not_ready', /credentials .* renew them/, server);
  }
  server.failNext({ status: 400, code: 'ExpiredToken' });
  await refused(t, store.head('the-key'), 'not_ready', /credentials/, server);
  server.failNext({ status: 400, code: 'InvalidRequest' });
  await refused(t, store.put('the-key', bytes('v')), 'internal', /refused a request/, server);
});

await t.test('a store that is full is not_ready, and says so', async (t) => {
  const { server, store } = await open(t, { maxAttempts: 1 });
  const refusals = [
    { status: 400, code: 'XMinioAdminBucketQuotaExceeded' },
    { status: 403, code: 'QuotaExceeded' },
    { status: 507, code: 'XMinioStorageFull' },
  ];
  for (const refusal of refusals) {
    server.failNext(refusal);
    await refused(t, store.put('the-key', bytes('v')), 'not_ready', /full/, server);
  }
});

await t.test('a store that cannot be reached, or refuses, is not_ready at creation', async (t) => {
  const { server } = await open(t);
  const { credentials, ...rest } = server;
  const wrongSecret = { ...rest, credentials: { ...credentials, secretAccessKey: 'wrong' } };
  await refused(t, createS3Store(wrongSecret), 'not_ready', /credentials/, server);
  const wrongId = { ...rest, credentials: { ...credentials, accessKeyId: 'wrong' } };
  await refused(t, createS3Store(wrongId), 'not_ready', /credentials/);
  await refused(t, createS3Store({ ...server, bucket: 'absent' }), 'not_ready', /bucket .* does not exist/);
  await refused(t, createS3Store({ ...server, region: 'elsewhere' }), 'not_ready', /region/);
  const other = await startS3();
  await other.close();
  await refused(t, createS3Store({ ...other, maxAttempts: 1 }), 'not_ready', /cannot be reached/);
});

await t.test(
  'the probe finds out whether PUT knows conditions, and its object stays out of sight',
  async (t) => {
    const { server, store } = await open(t);
    t.equal(store.conditionalPut, true);
    t.strictSame((await store.list('')).objects, []);
    t.strictSame((await store.children('')).names, []);
    server.requests.length = 0;
    const again = await createS3Store(server);
    t.strictSame(
      server.requests.map(({ method, status }) => [method, status]),
      [
        ['GET', 200],
        ['PUT', 412],
      ],
    );
    await again.close();

    server.requests.length = 0;
    const told = await createS3Store({ ...server, conditionalPut: false });
    t.equal(told.conditionalPut, false);
    t.strictSame(
      server.requests.filter(({ method }) => method === 'PUT'),
      [],
    );
    await told.close();
  },
);

await t.test('without conditional PUT, create says so and is atomic within one store', async (t) => {
  const lax = await startS3({ conditionalPut: false });
  const store = await createS3Store({ ...lax, maxAttempts: 2 });
  t.teardown(async () => {
    await store.close();
    await lax.close();
  });
  t.equal(store.conditionalPut, false);
  const all = await Promise.all(
    Array.from({ length: 16 }, (_, i) => store.create('k', bytes(`writer ${i}`))),
  );
  const winners = all.flatMap((info, i) => (info ? [i] : []));
  t.equal(winners.length, 1);
  t.equal(new TextDecoder().decode((await store.get('k'))?.body), `writer ${winners[0]}`);
  t.equal(await store.create('k', bytes('late')), undefined);
  await store.delete('k');
  lax.failNext('busy', 'busy');
  await refused(t, store.create('k', bytes('v')), 'not_ready', /busy/);
  t.match(await store.create('k', bytes('a failure blocks nobody behind it')), { key: 'k' });
});

await t.test('stores with different prefixes share a bucket without seeing each other', async (t) => {
  const { server, store } = await open(t, { prefix: 'one' });
  const two = await createS3Store({ ...server, prefix: 'two/' });
  await store.put('k', bytes('1'));
  t.equal(await two.get('k'), undefined);
  t.strictSame((await two.list('')).objects, []);
  await two.put('k', bytes('2'));
  const all = await createS3Store(server);
  t.strictSame(
    (await all.list('')).objects.map(({ key }) => key).filter((key) => !key.includes('.scion')),
    ['one/k', 'two/k'],
  );
  await two.close();
  await all.close();
  await t.rejects(createS3Store({ ...server, prefix: '/a' }), TypeError);
  await t.rejects(createS3Store({ ...server, prefix: 'a'.repeat(64) }), TypeError);
});
