import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { limits } from '@scion/contracts';
import {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { addAudit } from './http/audit.js';
import { addAuthentication } from './http/authenticate.js';
import { addBodyParsers } from './http/body-parsers.js';
import { addCompression } from './http/compression.js';
import { addCrossOrigin } from './http/cross-origin.js';
import { addDashboard } from './http/dashboard.js';
import { addEntityTags } from './http/entity-tags.js';
import { addErrorHandler, sendProblem, toAppError } from './http/error-handler.js';
import { addIdempotency } from './http/idempotency.js';
import { addIndexGuard } from './http/index-guard.js';
import { addRequestRecords } from './http/metrics.js';
import { addNotFoundHandler } from './http/not-found.js';
import { addPressureGuard } from './http/pressure.js';
import { requestIdFrom } from './http/request-id.js';
import { addSecurityHeaders } from './http/security-headers.js';
import { compileValidator } from './http/validation.js';
import { addOpenApi } from './openapi/add-openapi.js';
import type { ApiDeps } from './ports.js';
import { addRoutes } from './routes/routes.js';
import type { App } from './server.js';

/** Composes the HTTP application of its parts. Opens nothing: what it is given stays its caller's to close. */
export async function buildApp(deps: ApiDeps): Promise<App> {
  const { settings } = deps;
  const app: App = fastify({
    loggerInstance: deps.logger as FastifyBaseLogger,
    // Fastify's own lines hold the path, and with it user ids.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdFrom(deps.newId),
    bodyLimit: limits.bodyBytes,
    // For receiving a whole request; how long its answer takes is not limited by it.
    requestTimeout: 120_000,
    // Room for a user id far beyond its limit, percent-encoded, so that it meets an explanation instead of a 404.
    routerOptions: { maxParamLength: 8_192 },
    // A request that still arrives on a kept-alive connection is served: what it needs is closed later.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      sendProblem(toAppError(error), request as FastifyRequest, reply as FastifyReply);
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  if (deps.tracing) await app.register(deps.tracing.http);
  app.setValidatorCompiler(compileValidator);
  addErrorHandler(app, deps);
  addNotFoundHandler(app);
  addBodyParsers(app);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  closeConnectionsWhenClosing(app, settings.closeGraceMs);
  addRequestRecords(app, deps);
  addSecurityHeaders(app);
  addCrossOrigin(app, settings.corsOrigins);
  await addPressureGuard(app, settings.maxEventLoopDelayMs);
  addIndexGuard(app, deps);
  addIdempotency(app, deps);
  addAudit(app, deps);
  // In this order: a tag names an answer whatever its coding.
  addEntityTags(app);
  addCompression(app);
  addAuthentication(app, deps);
  await addOpenApi(app, deps);
  addRoutes(app, deps);
  if (settings.dashboardDir !== undefined) await addDashboard(app, settings.dashboardDir);
  return app;
}

/**
 * Else a connection that is answered while the server closes is kept alive, and holds the closing up until it times out; and
 * one whose client stalls while it reads does for ever, so that what is closed after the server never is.
 */
function closeConnectionsWhenClosing(app: App, graceMs: number): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    const cut = setTimeout(() => app.server.closeAllConnections(), graceMs).unref();
    app.server.once('close', () => clearTimeout(cut));
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}
