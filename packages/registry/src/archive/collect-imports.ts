import { indexNames, refOfImport } from '../indexes.js';
import { readJson } from '../json-object.js';
import { objectKeys } from '../keys.js';
import type { RegistryParts } from '../parts.js';
import { removeUser, wholeUser } from './import-user.js';

/** No import takes this long, even on a frozen machine. */
const abandonedMs = 3_600_000;

/** Takes back what imports stored that died half-way and were not repeated. */
export function createCollectImports(parts: RegistryParts): () => Promise<number> {
  const { store, indexes, locks, clock } = parts;

  async function collect(member: string): Promise<boolean> {
    const found = refOfImport(member);
    if (!found) return false;
    const { tenantId, user } = found;
    const marker = objectKeys.importing(tenantId, user);
    return locks.hold(wholeUser(tenantId, user), async () => {
      const begun = await readJson<{ at: string }>(store, marker);
      if (begun && Date.parse(begun.at) > clock() - abandonedMs) return false;
      if (begun) {
        await removeUser(parts, tenantId, user, marker);
        await store.delete(marker);
      }
      await indexes.remove(indexNames.imports, member);
      return begun !== undefined;
    });
  }

  return async () => {
    let removed = 0;
    for (let cursor: string | undefined; ; ) {
      const { members, nextCursor } = await indexes.page(indexNames.imports, { cursor });
      for (const member of members) if (await collect(member)) removed += 1;
      if (nextCursor === null) return removed;
      cursor = nextCursor;
    }
  };
}
