import { AppError, limits, type ProblemCode } from '@scion/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../ports.js';
import { announceQuota } from '../quota/announce-quota.js';
import { tellRefusal } from '../quota/tell-quotas.js';
import type { App } from '../server.js';
import { ClientGone } from './aborted-with.js';
import { problemDocument } from './problem-document.js';

/** What Fastify itself refuses, by its error code. */
const fastifyErrors: Record<string, [ProblemCode, string]> = {
  FST_ERR_BAD_URL: ['invalid_request', 'The path holds a broken percent-encoding.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', `A body has at most ${limits.bodyBytes} bytes.`],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'This route does not read that Content-Type.'],
  FST_ERR_CTP_INVALID_TYPE: ['unsupported_media_type', 'This route does not read that Content-Type.'],
};

/** Seconds to wait where the error itself does not say. */
const defaultRetryAfter: Partial<Record<ProblemCode, number>> = {
  overloaded: 1,
  not_ready: 2,
  quota_open_jobs: 5,
  // A quota on what is stored does not refill; an hour is when asking again is no nuisance.
  quota_exceeded: 3600,
};

/** The one place where an error becomes an answer. What it does not recognise is a bare 500, explained in the log only. */
export function addErrorHandler(app: App, deps: Pick<ApiDeps, 'meter' | 'webhooks' | 'clock'>): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toAppError(error);
    if (problem.code === 'overloaded') deps.meter.refused();
    announceQuota(problem, request, deps);
    return sendProblem(problem, request, reply);
  });
}

export function sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.cause instanceof ClientGone) {
    request.log.debug('the client went away before its answer');
  } else if (error.status >= 500 && (error.code !== 'not_ready' || error.cause !== undefined)) {
    // Without a cause, what is not ready is told by the answer, and logged where it was found.
    request.log.error({ code: error.code, err: error.cause ?? error }, 'request failed');
  }
  const retryAfter = error.retryAfterSeconds ?? defaultRetryAfter[error.code];
  if (retryAfter !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(retryAfter)));
  tellRefusal(reply, error);
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="scion"');
  // The rest of an unread body would have to be drained before the connection could serve again.
  if (!request.raw.complete) reply.header('connection', 'close');
  // Set here too: a path that cannot be decoded meets no hook.
  reply.header('x-request-id', request.id);
  reply.code(error.status).type('application/problem+json').header('cache-control', 'no-store');
  const instance = request.url.split('?', 1)[0]!;
  return reply.send(JSON.stringify(problemDocument(error, { requestId: request.id, instance })));
}

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = fastifyErrors[code];
  if (known) return new AppError(...known);
  return new AppError('internal', 'The cause is in the service’s log under this requestId.', {
    cause: error,
  });
}
