import { AppError } from '@scion/contracts';
import type { App } from '../server.js';

/** Answers 405 with `Allow` where the path exists and the method does not, else 404. Add it before any route. */
export function addNotFoundHandler(app: App): void {
  const routes: { pattern: RegExp; method: string }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return;
    const pattern = new RegExp(`^${url.replace(/[.]/g, '\\.').replace(/:[a-z]+/g, '[^/]+')}$`);
    for (const one of [method].flat()) routes.push({ pattern, method: one });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const allowed = [
      ...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
    ];
    if (allowed.length === 0) throw new AppError('route_not_found', 'No route has this path; see /docs.');
    reply.header('allow', allowed.join(', '));
    throw new AppError('method_not_allowed', `This path takes ${allowed.join(', ')}.`);
  });
}
