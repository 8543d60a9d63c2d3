import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError, type Clock, timestamp } from '@scion/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';

/** A person's stay, begun with a key. It ends with the key, at `expiresAt`, or by signing out. */
export interface StoredSession {
  keyId: string;
  expiresAt: string;
}

export interface Sessions {
  /** Begins one; the token goes into the cookie and nowhere else. */
  begin(keyId: string): Promise<{ token: string; session: StoredSession }>;
  find(token: string): Promise<StoredSession | undefined>;
  end(token: string): Promise<void>;
}

const cookieName = 'scion_session';
const csrfHeader = 'scion-csrf';
/** A working day: who forgets to sign out is signed out by the next morning. */
const sessionSeconds = 12 * 3600;

/** Sessions live in Redis alone: losing it signs everybody out, and nothing else. Tokens are stored as hashes. */
export function createSessions({ redis, clock }: { redis: Redis; clock: Clock }): Sessions {
  const keyOf = (token: string) => `{scion}:session:${sha256(token).toString('hex')}`;
  return {
    async begin(keyId) {
      const token = randomBytes(32).toString('base64url');
      const session = { keyId, expiresAt: timestamp(() => clock() + sessionSeconds * 1000) };
      await redis.set(keyOf(token), JSON.stringify(session), 'EX', sessionSeconds);
      return { token, session };
    },
    async find(token) {
      const stored = await redis.get(keyOf(token));
      const session: StoredSession | undefined = stored === null ? undefined : JSON.parse(stored);
      return session && Date.parse(session.expiresAt) > clock() ? session : undefined;
    },
    async end(token) {
      await redis.del(keyOf(token));
    },
  };
}

/** The session token of a request's cookie (RFC 6265 section 5.4). */
export function sessionTokenOf({ headers }: FastifyRequest): string | undefined {
  const pairs = headers.cookie?.split(';').map((pair) => pair.trim()) ?? [];
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
}

/** Out of reach of scripts and of other sites. `Secure` wherever the browser spoke TLS, to us or to a proxy before us. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  reply.header('set-cookie', cookie(request, token, sessionSeconds));
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('set-cookie', cookie(request, '', 0));
}

function cookie(request: FastifyRequest, value: string, seconds: number): string {
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  return `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** Derived from the session's token, so that it needs no place of its own, and does not give the token away. */
export function csrfTokenOf(token: string): string {
  return sha256(`scion csrf\0${token}`).toString('base64url');
}

/** Throws csrf_refused when a call that changes something does not carry its session's token. */
export function checkCsrf(request: FastifyRequest, token: string): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const given = Buffer.from(String(request.headers[csrfHeader] ?? ''));
  const wanted = Buffer.from(csrfTokenOf(token));
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new AppError('csrf_refused', 'Send the session’s csrfToken in the header Scion-Csrf.');
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();
