import { AppError, Session } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import { setSessionCookie } from '../../http/session.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { describeSession } from './describe-session.js';

export function beginSession(app: App, { registry, sessions }: Pick<ApiDeps, 'registry' | 'sessions'>): void {
  app.post(
    '/v1/session',
    {
      config: { idempotent: false, problems: [] },
      schema: {
        operationId: 'beginSession',
        tags: ['session'],
        summary: 'Sign in a browser',
        description:
          'Exchanges the key for a cookie that scripts cannot read and other sites cannot send; it lasts 12 hours, and no longer than the key.',
        response: { 201: Session },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      if (principal.session) {
        throw new AppError(
          'unauthenticated',
          'Send an API key as `Authorization: Bearer scion_…` to sign in.',
        );
      }
      const { token, session } = await sessions.begin(principal.keyId);
      setSessionCookie(request, reply, token);
      const begun = { ...principal, session: { token, expiresAt: session.expiresAt } };
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(await describeSession(begun, registry));
    },
  );
}
