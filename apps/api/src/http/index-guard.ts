import { AppError } from '@scion/contracts';
import type { ApiDeps } from '../ports.js';
import type { App } from '../server.js';

/**
 * Refuses `/v1` until the indexes are whole, before anything is asked about the caller: lists would lack what is stored, and the
 * operator's key may not be there yet. Health, metrics and pages answer.
 */
export function addIndexGuard(app: App, { isIndexed }: Pick<ApiDeps, 'isIndexed'>): void {
  app.addHook('onRequest', async (request) => {
    if (!isIndexed() && request.routeOptions.url?.startsWith('/v1')) {
      throw new AppError(
        'not_ready',
        'The service has just started and indexes what is stored; with very many models that takes minutes.',
        { retryAfterSeconds: 5 },
      );
    }
  });
}
