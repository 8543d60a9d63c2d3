import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@scion/contracts';
import { checkBody, crc32Base64 } from './body-checks.js';
import { type KeptObject, keep, listObjects } from './bucket.js';
import { S3Refusal } from './refusal.js';
import { verifySignature } from './sigv4.js';

/**
 * What happens to one request instead of the usual: `busy` answers 503 SlowDown; `conflict` answers 409 as S3 does
 * when conditional writes meet; `drop` closes the connection before doing anything; `lost-answer` does the work, then
 * closes the connection; `damaged` flips a bit of the body, `broken-off` ends it half-way; `stalled` never answers;
 * `stalled-body` does the work and answers, but for the end of the body. A status and a code are refused with, as S3
 * does: without the code where the request is a HEAD.
 */
export type S3Fault =
  | 'busy'
  | 'conflict'
  | 'drop'
  | 'lost-answer'
  | 'damaged'
  | 'broken-off'
  | 'stalled'
  | 'stalled-body'
  | { status: number; code: string };

export interface TestS3 {
  endpoint: string;
  region: string;
  bucket: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** What was asked, in order: method, key (of a listing: empty) and the status answered (0: none). */
  requests: { method: string; key: string; status: number }[];
  /** The next requests meet these faults, one each. */
  failNext(...faults: S3Fault[]): void;
  close(): Promise<void>;
}

export interface TestS3Options {
  /** False: `If-None-Match` is ignored, as some stores do. Default true: 412 where the object exists. */
  conditionalPut?: boolean;
  clock?: Clock;
}

/**
 * A small, strict S3 server in memory, on a free port of the loopback. It exists because no S3 server that could be
 * installed beside the tests (npm, Debian) both answers 412 to a conditional PUT and verifies checksums; the suite runs
 * against a real one where `S3_TEST_ENDPOINT` names it. It knows what the driver uses: PutObject, GetObject,
 * HeadObject, DeleteObject, ListObjectsV2, path-style, and answers 501 to everything else. Every request's Signature V4
 * is recomputed (wrong: 403), every body's hash and checksum too (wrong: 400). It proves that the driver speaks S3
 * as documented; that a given product does so too, only a run against that product proves.
 */
export async function startS3(options: TestS3Options = {}): Promise<TestS3> {
  const clock = options.clock ?? Date.now;
  const signer = { accessKeyId: 'AKIATESTKIT', secretAccessKey: randomUUID(), region: 'test-region-1' };
  const bucket = 'scion-test';
  const objects = new Map<string, KeptObject>();
  const requests: TestS3['requests'] = [];
  const faults: S3Fault[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse, fault: S3Fault | undefined) => {
    const body = await readBody(request);
    const method = request.method!;
    const headers = request.headers as Record<string, string | undefined>;
    verifySignature({ method, target: request.url!, headers }, signer, clock());
    checkBody(headers, body);
    if (fault === 'busy') throw new S3Refusal(503, 'SlowDown', 'reduce your request rate');
    if (typeof fault === 'object') throw new S3Refusal(fault.status, fault.code, 'as the test wants it');
    if (fault === 'conflict') throw new S3Refusal(409, 'ConditionalRequestConflict', 'try again');

    const { key, query } = locate(request.url!, bucket);
    if (method === 'PUT' && key === '') {
      throw new S3Refusal(409, 'BucketAlreadyOwnedByYou', 'the bucket exists');
    }
    const unknown = unknownParts(method, key, query, headers);
    if (unknown) throw new S3Refusal(501, 'NotImplemented', `${unknown} is not known here`);

    if (key === '') {
      response.setHeader('content-type', 'application/xml');
      response.end(listObjects(bucket, objects, query));
      return;
    }
    if (method === 'PUT') {
      if (options.conditionalPut !== false && headers['if-none-match'] && objects.has(key)) {
        throw new S3Refusal(412, 'PreconditionFailed', 'the object exists');
      }
      const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
      const kept = keep(body, Object.fromEntries(metadata) as Record<string, string>, clock());
      objects.set(key, kept);
      response.setHeader('etag', kept.etag).end();
      return;
    }
    if (method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    const object = objects.get(key);
    if (!object) throw new S3Refusal(404, 'NoSuchKey', 'the object does not exist');
    describe(response, object, headers['x-amz-checksum-mode'] === 'ENABLED');
    if (fault === 'broken-off') {
      response.write(object.body.subarray(0, object.body.length >> 1), () => response.destroy());
      return;
    }
    response.end(method === 'HEAD' ? undefined : spoil(object.body, fault));
  };

  const server = createServer((request, response) => {
    const fault = faults.shift();
    const record = { method: request.method!, key: '', status: 0 };
    requests.push(record);
    record.key = new URL(request.url!, 'http://host').pathname.slice(`/${bucket}/`.length);
    response.on('finish', () => {
      record.status = response.statusCode;
    });
    if (fault === 'stalled') return;
    if (fault === 'drop') return void request.socket.destroy();
    if (fault === 'lost-answer') {
      // The work is done as ever; what it writes goes nowhere.
      response.end = () => response.destroy();
    }
    if (fault === 'stalled-body') {
      response.end = () => {
        response.write(' ');
        return response;
      };
    }
    answer(request, response, fault).catch((error: unknown) => refuse(request, response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: signer.region,
    bucket,
    credentials: { accessKeyId: signer.accessKeyId, secretAccessKey: signer.secretAccessKey },
    requests,
    failNext(...next) {
      faults.push(...next);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function locate(target: string, bucket: string): { key: string; query: URLSearchParams } {
  const [path = '', query] = target.split('?');
  const [, name = '', ...rest] = path.split('/');
  if (name !== bucket) throw new S3Refusal(404, 'NoSuchBucket', 'the bucket does not exist');
  const key = rest.map(decodeURIComponent).join('/');
  if (Buffer.byteLength(key) > 1024)
    throw new S3Refusal(400, 'KeyTooLongError', 'the key exceeds 1024 bytes');
  return { key, query: new URLSearchParams(query) };
}

const listParameters =
  'list-type prefix delimiter start-after continuation-token max-keys encoding-type x-id';

/** Names what the request asks for and this server does not do; ignoring it would hide a mistake. */
function unknownParts(
  method: string,
  key: string,
  query: URLSearchParams,
  headers: Record<string, string | undefined>,
): string | undefined {
  const listing = method === 'GET' && key === '' && query.get('list-type') === '2';
  if (!listing && (key === '' || !['PUT', 'GET', 'HEAD', 'DELETE'].includes(method))) return `${method} here`;
  const parameters = listing ? listParameters.split(' ') : ['x-id'];
  const parameter = [...query.keys()].find((name) => !parameters.includes(name));
  if (parameter) return `the parameter ${parameter}`;
  const condition = headers['if-none-match'];
  if (condition && (method !== 'PUT' || condition !== '*')) return 'this If-None-Match';
  return ['range', 'if-match', 'x-amz-copy-source'].find((name) => headers[name] !== undefined);
}

function describe(response: ServerResponse, object: KeptObject, withChecksum: boolean): void {
  response.setHeader('content-length', object.body.length);
  response.setHeader('content-type', 'application/octet-stream');
  response.setHeader('etag', object.etag);
  response.setHeader('last-modified', object.modified.toUTCString());
  for (const [name, value] of Object.entries(object.metadata)) response.setHeader(name, value);
  if (withChecksum) response.setHeader('x-amz-checksum-crc32', crc32Base64(object.body));
}

function spoil(body: Buffer, fault: S3Fault | undefined): Buffer {
  if (fault !== 'damaged' || body.length === 0) return body;
  const damaged = Buffer.from(body);
  damaged[damaged.length >> 1]! ^= 1;
  return damaged;
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const refusal = error instanceof S3Refusal ? error : new S3Refusal(500, 'InternalError', String(error));
  const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${refusal.code}</Code><Message>${refusal.message}</Message></Error>`;
  if (response.headersSent) return void response.destroy();
  response.writeHead(refusal.status, { 'content-type': 'application/xml' });
  response.end(request.method === 'HEAD' ? undefined : xml);
}
