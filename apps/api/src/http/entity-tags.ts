import { createHash } from 'node:crypto';
import type { App } from '../server.js';

/**
 * Gives every JSON answer to a GET an `ETag`, and answers 304 without a body where `If-None-Match` names it (RFC 9110
 * sections 8.8.3 and 13.1.2). The work of reading is done all the same; what is saved is the transfer. Weak, since the
 * same answer may travel compressed or not.
 */
export function addEntityTags(app: App): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    if (!String(reply.getHeader('content-type')).startsWith('application/json')) return payload;
    const tag = `W/"${createHash('sha256').update(payload).digest('base64url').slice(0, 22)}"`;
    reply.header('etag', tag);
    // Whoever keeps it asks each time whether it still holds: what a key may see changes with any write.
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'private, no-cache');
    if (!matches(request.headers['if-none-match'], tag)) return payload;
    reply.code(304).removeHeader('content-type').removeHeader('content-length');
    return null;
  });
}

/** Weak comparison: the prefix `W/` does not count. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = tag.slice(2);
  return header.split(',').some((one) => {
    const given = one.trim();
    return given === '*' || given.replace(/^W\//, '') === opaque;
  });
}
