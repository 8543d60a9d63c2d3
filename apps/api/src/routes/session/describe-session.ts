import { AppError, type Session } from '@scion/contracts';
import { csrfTokenOf } from '../../http/session.js';
import type { Records } from '../../ports.js';
import type { Principal } from '../../server.js';

/** Throws unauthenticated for a caller that is not signed in by cookie. */
export async function describeSession(
  { session, operator, tenantId, keyId, keyName, scopes }: Principal,
  { tenants }: Pick<Records, 'tenants'>,
): Promise<Session> {
  if (!session) throw new AppError('unauthenticated', 'There is no session; `POST /v1/session` begins one.');
  return {
    keyId,
    keyName,
    scopes: [...scopes],
    tenant: operator || tenantId === null ? null : await tenants.get(tenantId),
    expiresAt: session.expiresAt,
    csrfToken: csrfTokenOf(session.token),
  };
}
