import type { Clock } from '@scion/contracts';
import type { Records } from '../ports.js';
import type { App } from '../server.js';
import { isAudited } from './access.js';

/** Parameters of paths that a log may keep: it outlives the erasure of a user. */
const kept = ['tenant', 'task', 'version', 'key', 'job', 'webhook', 'delivery'];

/** Refused calls of one key that an hour's log of a process takes, so that no key can fill the bucket. */
const refusedPerHour = 20;
const hourMs = 3_600_000;

/**
 * Writes admin and destructive calls to the audit log, before their answers leave: those that may have had an effect,
 * and, up to a number, those that were refused to a known key. An entry holds neither bodies nor users.
 */
export function addAudit(
  app: App,
  { registry, clock }: { registry: Pick<Records, 'audit'>; clock: Clock },
): void {
  let hour = 0;
  const refusals = new Map<string, number>();

  /** Beyond it the request log alone tells. */
  function isOneTooMany(keyId: string): boolean {
    const now = Math.floor(clock() / hourMs);
    if (now !== hour) refusals.clear();
    hour = now;
    const count = (refusals.get(keyId) ?? 0) + 1;
    refusals.set(keyId, count);
    return count > refusedPerHour;
  }

  app.addHook('onSend', async (request, reply, payload) => {
    const { principal, routeOptions, method, id: requestId } = request;
    const { statusCode: status } = reply;
    if (!principal || reply.hasHeader('idempotency-replayed')) return payload;
    if (!isAudited(method, routeOptions.url)) return payload;
    const refused = status >= 400 && status < 500;
    if (refused && isOneTooMany(principal.keyId)) return payload;
    const { operationId } = routeOptions.schema as { operationId: string };
    const params = Object.entries((request.params ?? {}) as Record<string, unknown>);
    const entry = {
      ...{ tenantId: principal.tenantId, by: principal.keyId, byName: principal.keyName },
      ...{ action: operationId, status, requestId },
      // What a refused call names need not be the tenant's, nor exist, nor be short.
      target: Object.fromEntries(
        params.flatMap(([name, value]) => (kept.includes(name) && !refused ? [[name, String(value)]] : [])),
      ),
    };
    // The call has had its effect: an answer that says otherwise would be worse than a gap, which this line fills.
    await registry.audit
      .append(entry)
      .catch((err) => request.log.error({ err, entry }, 'not in the audit log'));
    return payload;
  });
}
