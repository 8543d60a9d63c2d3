import { Session } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { describeSession } from './describe-session.js';

export function getSession(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/session',
    {
      config: { problems: [] },
      schema: {
        operationId: 'getSession',
        tags: ['session'],
        summary: 'Who is signed in',
        response: { 200: Session },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return describeSession(principalOf(request), registry);
    },
  );
}
