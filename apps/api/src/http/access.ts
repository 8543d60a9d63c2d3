import type { Scope } from '@scion/contracts';

/**
 * `any` is any valid key; `operator` a key with the scope `admin` that belongs to no tenant. The scope `read` stands in
 * for each of them where a route only looks.
 */
export type Access = Exclude<Scope, 'read'> | 'any' | 'operator' | 'public';

/** Who may call what: the one place where it is said. A route below `/v1` that is not named here cannot be added. */
export const accessTable: Record<string, Access> = {
  'POST /v1/session': 'any',
  'GET /v1/session': 'any',
  'DELETE /v1/session': 'any',
  'POST /v1/tenants': 'operator',
  'GET /v1/tenants': 'operator',
  'GET /v1/tenants/:tenant': 'operator',
  'PUT /v1/tenants/:tenant': 'operator',
  'GET /v1/usage': 'any',
  'GET /v1/audit': 'admin',
  'POST /v1/keys': 'admin',
  'GET /v1/keys': 'admin',
  'GET /v1/keys/:key': 'admin',
  'POST /v1/keys/:key/rotate': 'admin',
  'DELETE /v1/keys/:key': 'admin',
  'PUT /v1/tasks/:task': 'admin',
  'GET /v1/tasks/:task': 'any',
  'DELETE /v1/tasks/:task': 'admin',
  'GET /v1/tasks': 'any',
  'POST /v1/tasks/:task/users/:user/examples': 'train',
  'GET /v1/tasks/:task/users/:user/examples': 'train',
  'GET /v1/tasks/:task/users/:user/examples/export': 'train',
  'DELETE /v1/tasks/:task/users/:user/examples/:example': 'train',
  'POST /v1/tasks/:task/users/:user/examples/compact': 'train',
  'POST /v1/jobs': 'train',
  'GET /v1/jobs': 'train',
  'GET /v1/jobs/:job': 'train',
  'POST /v1/jobs/:job/cancel': 'train',
  'POST /v1/jobs/:job/pause': 'train',
  'POST /v1/jobs/:job/resume': 'train',
  'POST /v1/jobs/:job/retry': 'train',
  'GET /v1/jobs/:job/events': 'train',
  'GET /v1/jobs/:job/logs': 'train',
  'POST /v1/tasks/:task/users/:user/predict': 'predict',
  'POST /v1/tasks/:task/predict': 'predict',
  'POST /v1/tasks/:task/prefetch': 'predict',
  'GET /v1/models': 'train',
  'GET /v1/tasks/:task/users/:user/model': 'train',
  'GET /v1/tasks/:task/users/:user/versions': 'train',
  'GET /v1/tasks/:task/users/:user/versions/:version': 'train',
  'POST /v1/tasks/:task/users/:user/rollback': 'train',
  'POST /v1/tasks/:task/users/:user/promote': 'train',
  'POST /v1/tasks/:task/users/:user/collect': 'train',
  'PUT /v1/tasks/:task/users/:user/versions/:version/pin': 'train',
  'DELETE /v1/tasks/:task/users/:user/versions/:version/pin': 'train',
  'DELETE /v1/users/:user': 'admin',
  'DELETE /v1/tasks/:task/users/:user': 'admin',
  'GET /v1/users/:user/export': 'admin',
  'POST /v1/users/import': 'admin',
  'GET /v1/erasures': 'admin',
  'GET /v1/erasures/:erasure': 'admin',
  'GET /v1/signing-key': 'any',
  'POST /v1/webhooks': 'admin',
  'GET /v1/webhooks': 'admin',
  'GET /v1/webhooks/:webhook': 'admin',
  'POST /v1/webhooks/:webhook/rotate-secret': 'admin',
  'POST /v1/webhooks/:webhook/ping': 'admin',
  'POST /v1/webhooks/:webhook/enable': 'admin',
  'DELETE /v1/webhooks/:webhook': 'admin',
  'GET /v1/webhooks/:webhook/deliveries': 'admin',
  'POST /v1/webhooks/:webhook/deliveries/:delivery/replay': 'admin',
  'GET /v1/system': 'operator',
  'GET /v1/system/overview': 'operator',
  'GET /v1/system/caches': 'operator',
};

/** Calls that need no admin key and yet change what answers, or undo what others ordered. */
const weighty = /\/(promote|rollback|collect|compact|pin|cancel|import|replay)$/;

/** Whether a call goes into the audit log: what an admin changes, and what takes something away. */
export function isAudited(method: string, url: string | undefined): boolean {
  if (method === 'GET' || method === 'HEAD' || !url?.startsWith('/v1')) return false;
  const access = accessOf(method, url);
  return access === 'admin' || access === 'operator' || method === 'DELETE' || weighty.test(url);
}

/** Throws for a route below `/v1` that the table leaves out, so that none is public by oversight. */
export function accessOf(method: string, url: string | undefined): Access {
  const access = accessTable[`${method === 'HEAD' ? 'GET' : method} ${url}`];
  if (access) return access;
  if (url?.startsWith('/v1')) throw new Error(`${method} ${url} is missing in the access table`);
  return 'public';
}
