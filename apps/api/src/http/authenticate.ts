import { AppError } from '@scion/contracts';
import type { KeyIdentity } from '@scion/registry';
import type { FastifyRequest } from 'fastify';
import type { Records } from '../ports.js';
import type { App, Principal } from '../server.js';
import { type Access, accessOf } from './access.js';
import { checkCsrf, type Sessions, sessionTokenOf } from './session.js';

const tenantHeader = 'scion-tenant';

interface Deps {
  registry: Pick<Records, 'keys' | 'tenants'>;
  sessions: Sessions;
}

/** Answers 401, 403 and the 404 of an unseen tenant before the body of a request is read. */
export function addAuthentication(app: App, deps: Deps) {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    const access = accessOf(request.method, request.routeOptions.url);
    if (access === 'public') return;
    request.principal = await authenticate(request, deps);
    const { tenantId } = request.principal;
    if (tenantId !== null) request.log = request.log.child({ tenantId });
    authorize(request.principal, access, request.method === 'GET' || request.method === 'HEAD');
  });
  // Scopes and tenant of a key never change: it is there, or it is not.
  app.decorateRequest('isStillWelcome', async function (this: FastifyRequest) {
    return authenticate(this, deps).then(
      () => true,
      () => false,
    );
  });
}

async function authenticate(request: FastifyRequest, { registry, sessions }: Deps): Promise<Principal> {
  const { key, session } = await identify(request, registry.keys, sessions);
  return {
    keyId: key.id,
    keyName: key.name,
    session,
    operator: key.tenantId === null,
    scopes: key.scopes,
    tenantId: await tenantFor(request, key, registry),
  };
}

/** A key itself comes before the cookie of a session begun with one. */
async function identify(
  request: FastifyRequest,
  keys: Records['keys'],
  sessions: Sessions,
): Promise<{ key: KeyIdentity; session: Principal['session'] }> {
  const token = sessionTokenOf(request);
  if (request.headers.authorization !== undefined || token === undefined) {
    const key = await keys.verify(bearerOf(request));
    if (!key) throw new AppError('unauthenticated', 'The API key is unknown, deleted or expired.');
    return { key, session: null };
  }
  const stored = await sessions.find(token);
  const key = stored && (await keys.active(stored.keyId));
  if (!key) throw new AppError('unauthenticated', 'The session has ended; sign in again.');
  checkCsrf(request, token);
  return { key, session: { token, expiresAt: stored.expiresAt } };
}

/** RFC 6750 section 2.1. */
function bearerOf({ headers }: FastifyRequest): string {
  const [, secret] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (secret) return secret;
  throw new AppError('unauthenticated', 'Send an API key as `Authorization: Bearer scion_…`.');
}

async function tenantFor(
  { headers }: FastifyRequest,
  key: KeyIdentity,
  { tenants }: Deps['registry'],
): Promise<string | null> {
  const named = headers[tenantHeader];
  if (named === undefined) return key.tenantId;
  // To a tenant's key every other tenant is missing, whether it exists or not.
  if (key.tenantId !== null && named !== key.tenantId) throw noSuchTenant();
  if (key.tenantId === null) {
    if (typeof named !== 'string' || !/^ten_[0-9a-z]{26}$/.test(named)) throw noSuchTenant();
    await tenants.get(named);
  }
  return String(named);
}

const noSuchTenant = () => new AppError('tenant_not_found', 'Scion-Tenant names no tenant of this key.');

function authorize(
  { operator, scopes }: Principal,
  access: Exclude<Access, 'public'>,
  onlyLooks: boolean,
): void {
  if (access === 'any') return;
  const looks = onlyLooks && scopes.includes('read');
  if (access === 'operator') {
    if (operator && (looks || scopes.includes('admin'))) return;
    throw new AppError('scope_missing', 'This needs an operator key, which belongs to no tenant.');
  }
  if (!looks && !scopes.includes(access)) {
    throw new AppError('scope_missing', `This needs a key with the scope "${access}".`);
  }
}

/** What the caller proved itself with: the key's secret, or the token of a session. It must never be stored. */
export function credentialOf(request: FastifyRequest): string {
  return principalOf(request).session?.token ?? bearerOf(request);
}

export function principalOf({ principal }: FastifyRequest): Principal {
  if (!principal) throw new AppError('internal', 'The request was not authenticated.');
  return principal;
}

/** The tenant a request is about. An operator has to name one. */
export function tenantOf(request: FastifyRequest): string {
  const { tenantId } = principalOf(request);
  if (tenantId !== null) return tenantId;
  const errors = [{ path: `header/${tenantHeader}`, message: 'is missing' }];
  throw new AppError('invalid_request', 'An operator key names the tenant in the header Scion-Tenant.', {
    errors,
  });
}
