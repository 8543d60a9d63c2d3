import { indexNames, refOfImport } from '../indexes.js';
import { readJson } from '../json-object.js';
import { objectKeys } from '../keys.js';
import type { RegistryParts } from '../parts.js';
import type { Examples } from '../registry.js';
import { wholeUser } from './import-user.js';
import type { Importing } from './importing.js';
import { createTakeBack } from './take-back.js';

/** No import takes this long, even on a frozen machine. */
const abandonedMs = 3_600_000;

/**
 * Takes back what imports stored that died half-way and were not repeated. One for which that fails holds up none of the
 * others, and is told at the end.
 */
export function createCollectImports(
  parts: RegistryParts,
  examples: Pick<Examples, 'count'>,
): () => Promise<number> {
  const { store, indexes, locks, clock } = parts;
  const takeBack = createTakeBack(parts, examples);

  async function collect(member: string): Promise<boolean> {
    const found = refOfImport(member);
    if (!found) return false;
    const { tenantId, user } = found;
    const marker = objectKeys.importing(tenantId, user);
    return locks.hold(wholeUser(tenantId, user), async () => {
      const begun = await readJson<Importing>(store, marker);
      if (begun && Date.parse(begun.at) > clock() - abandonedMs) return false;
      if (begun) await takeBack(tenantId, user, begun);
      else await indexes.remove(indexNames.imports, member);
      return begun !== undefined;
    });
  }

  return async () => {
    let removed = 0;
    const failures: unknown[] = [];
    for (let cursor: string | undefined; ; ) {
      const { members, nextCursor } = await indexes.page(indexNames.imports, { cursor });
      for (const member of members) {
        try {
          if (await collect(member)) removed += 1;
        } catch (error) {
          failures.push(error);
        }
      }
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    if (failures.length > 0) throw failures[0];
    return removed;
  };
}
