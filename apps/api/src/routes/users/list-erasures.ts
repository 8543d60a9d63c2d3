import { ErasureProof, Page, PageQuery } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listErasures(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/erasures',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listErasures',
        tags: ['users'],
        summary: 'List erasures',
        description:
          'Newest first. Nothing here names the user or can be guessed from a name: an answer that was lost is found by its time and the key that asked.',
        querystring: PageQuery,
        response: { 200: Page(ErasureProof) },
      },
    },
    async (request) => registry.users.erasures(tenantOf(request), request.query),
  );
}
