import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { AppError } from '@scion/contracts';
import type { FastifyRequest } from 'fastify';
import type { App } from '../server.js';
import { credentialOf, principalOf } from './authenticate.js';
import { type IdempotencyStore, renewEveryMs } from './idempotency-store.js';

const longestKeyChars = 255;

/** An answer, as it is sent again. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Running {
  name: string;
  token: string;
  secret: Buffer;
  renewal: NodeJS.Timeout;
}

/**
 * `Idempotency-Key` on every POST below `/v1` (draft-ietf-httpapi-idempotency-key-header): a repetition of a call gets
 * the answer of the first, for 24 hours. Only success is kept: what failed changed nothing that a repetition would not
 * change, and should be tried anew.
 *
 * A key is its caller's own: of one API key, and one tenant. What is kept is sealed with a secret made of the caller's
 * credential, which Scion does not store: neither a new API key's secret nor anything of a user lies readable in Redis,
 * and an erasure need not look for it. A call whose process died is free again after a minute; jobs and examples with
 * ids of their own come to the same, other things are made twice. So are all when Redis loses its data.
 */
export function addIdempotency(app: App, { idempotency: store }: { idempotency: IdempotencyStore }): void {
  const running = new WeakMap<FastifyRequest, Running>();

  // After validation: a call that cannot succeed takes no key.
  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    const { keyId, tenantId } = principalOf(request);
    const secret = Buffer.from(hkdfSync('sha256', credentialOf(request), key, 'scion idempotency', 32));
    const name = createHash('sha256')
      .update(JSON.stringify([tenantId, keyId, key]))
      .digest('base64url');
    const { method, url, body } = request;
    // Bytes by their hash: as JSON, each is a number in a text, and an archive's would be longer than a string can be.
    const said = Buffer.isBuffer(body) ? createHash('sha256').update(body).digest('hex') : body;
    const call = JSON.stringify([method, url, said ?? null]);
    const fingerprint = createHmac('sha256', secret).update(call).digest('base64url');
    const token = randomUUID();
    const found = await store.begin(name, fingerprint, token);
    if (found.state === 'other') {
      throw new AppError('idempotency_key_reused', 'The Idempotency-Key came with another call before.', {
        errors: [{ path: 'header/idempotency-key', message: 'belongs to another call' }],
      });
    }
    if (found.state === 'running') {
      throw new AppError('idempotency_in_progress', 'The first call with this Idempotency-Key goes on.', {
        retryAfterSeconds: 1,
      });
    }
    if (found.state === 'done') {
      const { status, headers, body } = unseal(secret, found.sealed);
      return reply
        .code(status)
        .headers({ ...headers, 'idempotency-replayed': 'true' })
        .serializer((text: string) => text)
        .send(body);
    }
    const renewal = setInterval(() => {
      store.renew(name, token).catch((err) => request.log.warn({ err }, 'idempotency key not renewed'));
    }, renewEveryMs);
    renewal.unref();
    running.set(request, { name, token, secret, renewal });
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const own = running.get(request);
    if (!own) return payload;
    running.delete(request);
    clearInterval(own.renewal);
    const kept = reply.statusCode < 300 && (typeof payload === 'string' || payload === null);
    const answer: Answer = {
      status: reply.statusCode,
      headers: headersOf(reply.getHeaders()),
      body: typeof payload === 'string' ? payload : '',
    };
    // Before the answer leaves: whoever has it can rely on getting it again.
    await store
      .end(own.name, own.token, kept ? seal(own.secret, answer) : undefined)
      .catch((err) => request.log.warn({ err }, 'answer not kept'));
    return payload;
  });
}

/** A string of RFC 8941 in quotes, as the draft has it, or bare, as most send it. */
function keyOf({ method, headers, routeOptions }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (method !== 'POST' || header === undefined || routeOptions.config.idempotent === false) return undefined;
  const key = String(header).replace(/^"(.*)"$/, '$1');
  if (key !== '' && key.length <= longestKeyChars && /^[\x20-\x7e]*$/.test(key)) return key;
  const message = `must have 1 to ${longestKeyChars} printable ASCII characters`;
  throw new AppError('invalid_request', `Idempotency-Key ${message}.`, {
    errors: [{ path: 'header/idempotency-key', message }],
  });
}

const keptHeaders = ['content-type', 'location', 'cache-control'];

function headersOf(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    keptHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}

/** AES-256-GCM: nonce, tag and ciphertext in base64. A secret seals one answer only, so a random nonce is ample. */
function seal(secret: Buffer, answer: Answer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(answer), 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
}

function unseal(secret: Buffer, sealed: string): Answer {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
  return JSON.parse(text.toString('utf8')) as Answer;
}
