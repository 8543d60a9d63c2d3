import type { Job, ModelRef } from '@scion/contracts';
import { listAll } from '@scion/store';
import { alone } from '../alone.js';
import { exampleCacheKey } from '../example-index.js';
import { dropExamples, noteExamples } from '../example-tally.js';
import { indexNames, memberOfImport, modelName } from '../indexes.js';
import { readJson } from '../json-object.js';
import { jobOfKey, objectKeys, parseUserObject } from '../keys.js';
import type { RegistryParts } from '../parts.js';
import type { Examples } from '../registry.js';
import { sha256Hex } from '../secrets.js';
import { addStoredBytes } from '../usage.js';
import { tasksOf } from './export-user.js';
import type { Importing } from './importing.js';

/**
 * Removes what an import stored that died half-way, and nothing that others had stored for the user before its mark: not
 * even where it stands under a key that the import had not come to. The mark goes last.
 */
export function createTakeBack(parts: RegistryParts, examples: Pick<Examples, 'count'>) {
  const { store, indexes, redis } = parts;

  async function takeBackModel(ref: ModelRef, planned: Map<string, string>): Promise<{ empty: boolean }> {
    const own = new Set<string>();
    const others = new Set<string>();
    let ownBytes = 0;
    for await (const { key, bytes } of listAll(store, objectKeys.modelPrefix(ref))) {
      const object = planned.has(key) ? await store.get(key) : undefined;
      const stored = object !== undefined && sha256Hex(object.body) === planned.get(key);
      (stored ? own : others).add(key);
      if (stored) ownBytes += bytes;
    }
    // Index entries first: while an object is there, a repetition knows what to take out.
    await indexes.dropModel(ref, [...new Set([...own].flatMap((key) => jobOfKey(key) ?? []))], []);
    await redis.unlink(exampleCacheKey(ref));
    await dropExamples(parts, ref);
    if (others.size > 0) await indexes.putModel(ref);
    for (const key of others) {
      const job = parseUserObject(key)?.jobId === undefined ? undefined : await readJson<Job>(store, key);
      if (job) await indexes.putJob(job);
    }
    for (const key of own) await store.delete(key);
    await addStoredBytes(parts, ref, -ownBytes);
    await parts.announce('live', modelName(ref));
    await parts.announce('erased', modelName(ref));
    return { empty: others.size === 0 };
  }

  return async (tenantId: string, user: string, { objects = [] }: Importing): Promise<void> => {
    const planned = new Map(objects.map(({ key, sha256 }) => [key, sha256]));
    for (const task of await tasksOf(store, tenantId, user)) {
      const ref = { tenantId, task, user };
      const { empty } = await alone(parts, ref, () => takeBackModel(ref, planned));
      if (empty) continue;
      await examples.count(ref);
      await noteExamples(parts, ref);
    }
    await store.delete(objectKeys.importing(tenantId, user));
    await indexes.remove(indexNames.imports, memberOfImport(tenantId, user));
  };
}
