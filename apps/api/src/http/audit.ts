import type { Records } from '../ports.js';
import type { App } from '../server.js';
import { isAudited } from './access.js';

/** Parameters of paths that a log may keep: it outlives the erasure of a user. */
const kept = ['tenant', 'task', 'version', 'key', 'job', 'webhook', 'delivery'];

/**
 * Writes admin and destructive calls that may have had an effect to the audit log, before their answers leave. An entry
 * holds neither bodies nor users. Refused calls are in the request log alone, or anybody could fill the bucket.
 */
export function addAudit(app: App, { registry }: { registry: Pick<Records, 'audit'> }): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const { principal, routeOptions, method, id: requestId } = request;
    const { statusCode: status } = reply;
    const refused = status >= 400 && status < 500;
    if (!principal || refused || reply.hasHeader('idempotency-replayed')) return payload;
    if (!isAudited(method, routeOptions.url)) return payload;
    const { operationId } = routeOptions.schema as { operationId: string };
    const params = Object.entries((request.params ?? {}) as Record<string, unknown>);
    const entry = {
      ...{ tenantId: principal.tenantId, by: principal.keyId, byName: principal.keyName },
      ...{ action: operationId, status, requestId },
      target: Object.fromEntries(
        params.flatMap(([name, value]) => (kept.includes(name) ? [[name, String(value)]] : [])),
      ),
    };
    // The call has had its effect: an answer that says otherwise would be worse than a gap, which this line fills.
    await registry.audit
      .append(entry)
      .catch((err) => request.log.error({ err, entry }, 'not in the audit log'));
    return payload;
  });
}
