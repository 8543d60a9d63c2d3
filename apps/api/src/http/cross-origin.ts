import type { App } from '../server.js';

/** How long a browser may remember what a preflight allowed, in seconds; browsers cap it at some hours themselves. */
const rememberSeconds = 7_200;
const readable = 'etag, idempotency-replayed, ratelimit, ratelimit-policy, retry-after, x-request-id';

/**
 * Lets pages of other origins call `/v1` with a key, as the Fetch standard's CORS protocol asks. `origins` holds
 * `https://host[:port]` each, or `*` for any. Never with credentials: a session's cookie counts on its own origin alone.
 */
export function addCrossOrigin(app: App, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const anyOrigin = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!request.url.startsWith('/v1/')) return;
    // Also where the answer is none of a page's: a cache in between must not give it to one.
    if (!anyOrigin) reply.header('vary', 'origin');
    if (origin === undefined || !(anyOrigin || origins.includes(origin))) return;
    reply.header('access-control-allow-origin', anyOrigin ? '*' : origin);
    reply.header('access-control-expose-headers', readable);
    const asks = request.headers['access-control-request-method'];
    if (request.method !== 'OPTIONS' || asks === undefined) return;
    // Which headers is not worth a list: the key says what a call may do.
    const headers = request.headers['access-control-request-headers'];
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST, PUT, DELETE',
        ...(headers !== undefined && { 'access-control-allow-headers': headers }),
        'access-control-max-age': rememberSeconds,
      })
      .send();
  });
}
