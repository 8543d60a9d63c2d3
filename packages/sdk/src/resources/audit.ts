import type * as contracts from '@scion/contracts';
import type { AuditEntry, Page } from '@scion/contracts';
import { type PagePromise, paged, type Query } from '../pages.js';
import type { CallOptions, Transport } from '../transport.js';

export type AuditQuery = Query<contracts.AuditQuery>;

/** What admins changed and what was taken away; needs scope `admin`. */
export interface Audit {
  /** Newest first. An operator's client without a tenant lists what concerns the deployment. */
  list(query?: AuditQuery, options?: CallOptions): PagePromise<AuditEntry>;
}

export function createAudit({ request }: Transport): Audit {
  return {
    list: ({ cursor, ...query } = {}, options) =>
      paged(
        (from) =>
          request<Page<AuditEntry>>({
            method: 'GET',
            path: '/v1/audit',
            query: { ...query, cursor: from },
            options,
          }),
        cursor,
      ),
  };
}
