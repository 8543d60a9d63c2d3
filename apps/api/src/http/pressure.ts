import underPressure from '@fastify/under-pressure';
import { AppError } from '@scion/contracts';
import type { App } from '../server.js';

/** Refuses `/v1` while the event loop lags. Health and metrics still answer: they are how one finds out. */
export async function addPressureGuard(app: App, maxEventLoopDelayMs: number): Promise<void> {
  if (maxEventLoopDelayMs === 0) return;
  await app.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    pressureHandler: (request) => {
      if (request.routeOptions.url?.startsWith('/v1')) {
        throw new AppError('overloaded', 'This process is behind with its work.', { retryAfterSeconds: 1 });
      }
    },
  });
}
