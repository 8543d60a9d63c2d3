import { Type } from 'typebox';
import { principalOf } from '../../http/authenticate.js';
import { clearSessionCookie } from '../../http/session.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function endSession(app: App, { sessions }: Pick<ApiDeps, 'sessions'>): void {
  app.delete(
    '/v1/session',
    {
      config: { problems: [] },
      schema: {
        operationId: 'endSession',
        tags: ['session'],
        summary: 'Sign out',
        description: 'The cookie stops working at once.',
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { session } = principalOf(request);
      if (session) await sessions.end(session.token);
      clearSessionCookie(request, reply);
      return reply.code(204).send(null);
    },
  );
}
