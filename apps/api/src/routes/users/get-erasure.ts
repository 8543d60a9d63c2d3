import { ErasureKept, idPattern } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getErasure(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/erasures/:erasure',
    {
      config: { problems: ['erasure_not_found'] },
      schema: {
        operationId: 'getErasure',
        tags: ['users'],
        summary: 'Get the proof of an erasure',
        description:
          'Signed like the receipt, of which it is all but the names: what was removed by hash, when, and by whom.',
        params: Type.Object({ erasure: Type.String({ pattern: idPattern('erasure') }) }),
        response: { 200: ErasureKept },
      },
    },
    async (request) => registry.users.erasure(tenantOf(request), request.params.erasure),
  );
}
