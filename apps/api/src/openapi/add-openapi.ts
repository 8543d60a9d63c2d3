import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { ApiDeps } from '../ports.js';
import type { App } from '../server.js';
import { completeDocument, type OpenApiDocument, type RouteFacts } from './complete-document.js';

/** Serves the OpenAPI 3.1 document at `/openapi.json` and a page to browse it at `/docs`. Add it before the routes. */
export async function addOpenApi(app: App, { settings }: Pick<ApiDeps, 'settings'>): Promise<void> {
  const facts = new Map<string, RouteFacts>();
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    const operationId = schema && 'operationId' in schema ? String(schema.operationId) : undefined;
    if (operationId)
      facts.set(operationId, {
        method: String(method),
        url,
        problems: config?.problems ?? [],
        idempotent: config?.idempotent !== false,
      });
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Scion',
        version: settings.version,
        description:
          'A small model for every end user, grafted onto one frozen base. Errors are problem documents (RFC 9457).',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
    },
    transformObject: (made) =>
      // Typed for all versions of OpenAPI at once; this one is 3.1, as said above.
      completeDocument((made as { openapiObject: OpenApiDocument }).openapiObject, facts) as never,
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: {
      url: '/openapi.json',
      docExpansion: 'list',
      tryItOutEnabled: true,
      persistAuthorization: false,
      // Else the page sends the document's address to swagger.io.
      validatorUrl: null,
    },
  });
}
