import { createHash } from 'node:crypto';
import { createTestClock, startS3, type TestS3 } from '@scion/testkit';
import t, { type Test } from 'tap';
import { signatureOf } from './sigv4.js';

const clock = createTestClock(Date.UTC(2026, 0, 1));
const now = '20260101T000000Z';
const sha256 = (body: string) => createHash('sha256').update(body).digest('hex');

interface Changes {
  /** Replaces what was signed, after signing. */
  sentBody?: string;
  sentHeaders?: Record<string, string>;
  /** Header names left out of the signature. */
  unsigned?: string[];
  secret?: string;
  accessKeyId?: string;
  region?: string;
}

/** Sends a signed request; `changes` tamper with it. */
async function send(
  server: TestS3,
  method: string,
  target: string,
  body = '',
  extra: Record<string, string> = {},
  changes: Changes = {},
) {
  const headers: Record<string, string> = {
    host: new URL(server.endpoint).host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': now,
    ...extra,
  };
  const names = Object.keys(headers)
    .filter((name) => !changes.unsigned?.includes(name))
    .sort()
    .join(';');
  const { accessKeyId = server.credentials.accessKeyId, secret = server.credentials.secretAccessKey } =
    changes;
  const region = changes.region ?? server.region;
  const date = headers['x-amz-date']!.slice(0, 8);
  const signature = signatureOf({ method, target, headers }, { names, date, region }, secret);
  const credential = `${accessKeyId}/${date}/${region}/s3/aws4_request`;
  const { host: _, ...sent } = { ...headers, ...changes.sentHeaders };
  const response = await fetch(server.endpoint + target, {
    method,
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
      ...sent,
    },
    ...(method === 'PUT' && { body: changes.sentBody ?? body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    code: /<Code>(.*)<\/Code>/.exec(text)?.[1],
    text,
    headers: response.headers,
  };
}

async function start(t: Test): Promise<TestS3> {
  const server = await startS3({ clock });
  t.teardown(() => server.close());
  return server;
}

const key = '/scion-test/folder/a%20key.json';

await t.test('a correctly signed request is served', async (t) => {
  const server = await start(t);
  // CRC-32 of "123456789", the check value of the CRC catalogue: cbf43926.
  const crc = { 'x-amz-checksum-crc32': 'y/Q5Jg==' };
  t.equal((await send(server, 'PUT', key, '123456789', { ...crc, 'x-amz-meta-a': 'b' })).status, 200);
  const got = await send(server, 'GET', key, '', { 'x-amz-checksum-mode': 'ENABLED' });
  t.match(got, { status: 200, text: '123456789' });
  t.equal(got.headers.get('x-amz-checksum-crc32'), crc['x-amz-checksum-crc32']);
  t.equal(got.headers.get('x-amz-meta-a'), 'b');
  t.equal((await send(server, 'HEAD', key)).status, 200);
  t.match((await send(server, 'GET', '/scion-test?list-type=2')).text, '<Key>folder/a key.json</Key>');
  t.equal((await send(server, 'DELETE', key)).status, 204);
  t.match(await send(server, 'GET', key), { status: 404, code: 'NoSuchKey' });
});

await t.test('a request that is not signed, or wrongly, is refused with 403', async (t) => {
  const server = await start(t);
  t.equal((await fetch(server.endpoint + key)).status, 403);
  const put = (changes: Changes, extra = {}) => send(server, 'PUT', key, 'body', extra, changes);
  t.match(await put({ secret: 'wrong' }), { status: 403, code: 'SignatureDoesNotMatch' });
  t.match(await put({ accessKeyId: 'wrong' }), { status: 403, code: 'InvalidAccessKeyId' });
  t.match(await put({ sentHeaders: { 'x-amz-date': '20260101T000001Z' } }), {
    code: 'SignatureDoesNotMatch',
  });
  t.match(await put({ sentHeaders: { 'x-amz-meta-a': 'tampered' } }, { 'x-amz-meta-a': 'signed' }), {
    status: 403,
    code: 'SignatureDoesNotMatch',
  });
  t.match(await put({ sentHeaders: { 'x-amz-meta-added': 'x' } }), { status: 403, code: 'AccessDenied' });
  t.match(await put({ unsigned: ['x-amz-date'] }), { status: 403, code: 'AccessDenied' });
  t.match(await put({ region: 'elsewhere' }), { status: 400, code: 'AuthorizationHeaderMalformed' });
  t.match(await put({}, { 'x-amz-date': '20251231T234459Z' }), { status: 403, code: 'RequestTimeTooSkewed' });
  t.match(await put({}, { 'x-amz-date': '20251231T234501Z' }), { status: 200 });
});

await t.test('a body other than the signed or summed one is refused with 400 and not kept', async (t) => {
  const server = await start(t);
  const put = (extra: Record<string, string>, changes: Changes = {}) =>
    send(server, 'PUT', key, '123456789', extra, changes);
  t.match(await put({}, { sentBody: '123456780' }), { status: 400, code: 'XAmzContentSHA256Mismatch' });
  t.match(await put({ 'x-amz-checksum-crc32': 'AAAAAA==' }), { status: 400, code: 'BadDigest' });
  t.match(await put({ 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }), { status: 400, code: 'BadDigest' });
  t.match(await put({ 'x-amz-checksum-sha256': 'AAAA' }), { status: 400, code: 'BadDigest' });
  t.equal((await send(server, 'HEAD', key)).status, 404);
});

await t.test(
  'a conditional PUT of what exists is refused with 412, unless the server is told not to',
  async (t) => {
    const server = await start(t);
    const condition = { 'if-none-match': '*' };
    t.equal((await send(server, 'PUT', key, '1', condition)).status, 200);
    t.match(await send(server, 'PUT', key, '2', condition), { status: 412, code: 'PreconditionFailed' });
    t.equal((await send(server, 'GET', key)).text, '1');
    const lax = await startS3({ clock, conditionalPut: false });
    t.teardown(() => lax.close());
    t.equal((await send(lax, 'PUT', key, '1', condition)).status, 200);
    t.equal((await send(lax, 'PUT', key, '2', condition)).status, 200);
  },
);

await t.test('what is not known here is refused with 501, never ignored', async (t) => {
  const server = await start(t);
  await send(server, 'PUT', key, 'body');
  const refused = [
    send(server, 'GET', `${key}?acl`),
    send(server, 'POST', `${key}?uploads`),
    send(server, 'GET', '/scion-test?list-type=1'),
    send(server, 'GET', '/scion-test?list-type=2&fetch-owner=true'),
    send(server, 'GET', key, '', { range: 'bytes=0-1' }),
    send(server, 'PUT', key, 'x', { 'if-none-match': '"etag"' }),
    send(server, 'PUT', key, 'x', { 'x-amz-copy-source': '/scion-test/a' }),
    send(server, 'PUT', key, 'x', { 'x-amz-checksum-crc64nvme': 'AAAA' }),
    send(server, 'PUT', key, 'x', { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }),
  ];
  for (const answer of await Promise.all(refused)) t.match(answer, { status: 501, code: 'NotImplemented' });
  t.match(await send(server, 'GET', '/other-bucket/k'), { status: 404, code: 'NoSuchBucket' });
});
