import fastifyStatic from '@fastify/static';
import type { App } from '../server.js';

/** Serves the built dashboard at `/`. Its file names carry hashes, except the page itself. */
export async function addDashboard(app: App, root: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    // Routes for the files there are, instead of one for everything, so that 404 and 405 stay the API's own.
    wildcard: false,
    cacheControl: false,
    setHeaders(reply, path) {
      const hashed = /\/assets\//.test(path.replaceAll('\\', '/'));
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
