import { type AuditEntry, idOfTime, timestamp } from '@scion/contracts';
import type { Audits } from './accounts.js';
import { encodeCursor, indexNames, pageSize } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { RegistryParts } from './parts.js';

/** Entries beyond which a page does not search: it then ends early, with the cursor to go on from. */
const longestSearch = 1_000;

/** One object for each call, written once and never removed by Scion: a bucket's own rules decide how long they stay. */
export function createAudits({ store, indexes, clock, newId }: RegistryParts): Audits {
  const keyOf = (tenantId: string | null, id: string): string =>
    `${objectKeys.auditPrefix(tenantId)}${id}.json`;

  return {
    async append(call) {
      const entry: AuditEntry = { id: newId('audit'), at: timestamp(clock), ...call };
      await store.put(keyOf(call.tenantId, entry.id), encodeJson(entry));
      await indexes.add(indexNames.audit(call.tenantId), entry.id);
      return entry;
    },
    async list(tenantId, filter = {}) {
      const { action, by, from, to } = filter;
      const limit = pageSize(filter);
      // Ids begin with the time they were made at.
      const bounds = {
        newestFirst: true,
        ...(from !== undefined && { atLeast: idOfTime('audit', Date.parse(from)) }),
        ...(to !== undefined && { below: idOfTime('audit', Date.parse(to)) }),
      };
      const data: AuditEntry[] = [];
      let { cursor } = filter;
      for (let searched = 0; ; ) {
        const { members, nextCursor } = await indexes.page(indexNames.audit(tenantId), { ...bounds, cursor });
        const entries = await mapLimit(members, (id) => readJson<AuditEntry>(store, keyOf(tenantId, id)));
        for (const entry of entries) {
          if (!entry || (action !== undefined && entry.action !== action)) continue;
          if (by !== undefined && entry.by !== by) continue;
          if (data.length === limit) return { data, nextCursor: encodeCursor(data[limit - 1]?.id ?? '') };
          data.push(entry);
        }
        searched += members.length;
        if (nextCursor === null || searched >= longestSearch) return { data, nextCursor };
        cursor = nextCursor;
      }
    },
  };
}
