import { AppError, type ErasureProof, type ErasureReceipt, type ModelRef, timestamp } from '@scion/contracts';
import { listAll, type ObjectStore } from '@scion/store';
import { alone } from './alone.js';
import { createCollectImports } from './archive/collect-imports.js';
import { createExportUser, tasksOf } from './archive/export-user.js';
import { createImportUser } from './archive/import-user.js';
import { markJobErased } from './erased-jobs.js';
import { exampleCacheKey } from './example-index.js';
import { dropExamples } from './example-tally.js';
import { indexNames, memberOfImport, modelName } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { eventOfKey, jobOfKey, objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { Examples, Tasks } from './registry.js';
import { sha256Hex } from './secrets.js';
import { createSigner } from './signing-key.js';
import { taskName } from './tasks.js';
import { addStoredBytes } from './usage.js';
import type { ErasureRequest, Users } from './whole-users.js';

type Forget = Parameters<Users['erase']>[1];
type ErasedObject = ErasureReceipt['objects'][number];

/** An erasure under way: stands beside what it removes, and goes last, so that a repetition knows the whole. */
interface Erasing {
  id: string;
  startedAt: string;
  tasks: string[];
  objects: ErasedObject[];
  jobs: string[];
}

const noUser = (): AppError => new AppError('user_not_found', 'Nothing is stored of this user.');

export function createUsers(parts: RegistryParts, knownTasks: Tasks, examples: Examples): Users {
  const { store, redis, indexes, locks, clock, newId } = parts;
  const signer = createSigner(parts);

  async function note(ref: ModelRef, erasing: Erasing): Promise<void> {
    const found = await hashAll(store, objectKeys.modelPrefix(ref));
    const byKey = new Map(erasing.objects.map((object) => [object.key, object]));
    for (const object of found) byKey.set(object.key, object);
    const jobs = new Set(erasing.jobs);
    for (const { key } of found) {
      const jobId = jobOfKey(key);
      if (jobId !== undefined) jobs.add(jobId);
    }
    erasing.objects = [...byKey.values()];
    erasing.jobs = [...jobs];
    await store.put(objectKeys.erasing(ref.tenantId, ref.user), encodeJson(erasing));
  }

  async function eraseModel(ref: ModelRef, erasing: Erasing, forgetQueued: Forget): Promise<void> {
    await note(ref, erasing);
    const prefix = objectKeys.modelPrefix(ref);
    const own = erasing.objects.map(({ key }) => key).filter((key) => key.startsWith(prefix));
    const jobs = [...new Set(own.flatMap((key) => jobOfKey(key) ?? []))];
    await parts.fence.raise(ref, erasing.id);
    // Before anything is gone: from here on no job of the past can publish, whatever becomes of its lock.
    await mapLimit(jobs, (jobId) => markJobErased(store, clock, ref.tenantId, jobId));
    const live = objectKeys.livePrefix(ref);
    await mapLimit(
      own.filter((key) => key.startsWith(live)),
      (key) => store.delete(key),
    );
    await parts.announce('live', modelName(ref));
    await mapLimit(
      own.filter((key) => !key.startsWith(live)),
      (key) => store.delete(key),
    );
    await parts.announce('erased', modelName(ref));
    const bytes = erasing.objects.reduce(
      (sum, { key, bytes: one }) => (key.startsWith(prefix) ? sum + one : sum),
      0,
    );
    await addStoredBytes(parts, ref, -bytes);
    await forgetQueued(ref, jobs);
    // A rebuild under way may have read records that are gone by now: it ends first.
    await locks.hold('rebuild', async () => {
      await indexes.dropModel(
        ref,
        jobs,
        own.flatMap((key) => eventOfKey(key) ?? []),
      );
      await redis.unlink(exampleCacheKey(ref));
      await dropExamples(parts, ref);
    });
  }

  const readProof = (tenantId: string, erasureId: string) =>
    readJson<ErasureProof>(store, objectKeys.erasure(tenantId, erasureId));

  /** Takes the mark of a half-done import away, unless something of it is left in other tasks: that goes with the mark. */
  async function forgetImport(tenantId: string, user: string): Promise<void> {
    if ((await tasksOf(store, tenantId, user)).length > 0) return;
    await store.delete(objectKeys.importing(tenantId, user));
    await indexes.remove(indexNames.imports, memberOfImport(tenantId, user));
  }

  async function scopeOf({ tenantId, user, task }: ErasureRequest): Promise<string[]> {
    if (task !== undefined) {
      const { objects } = await store.list(objectKeys.modelPrefix({ tenantId, task, user }), { limit: 1 });
      return objects.length > 0 ? [task] : [];
    }
    return tasksOf(store, tenantId, user);
  }

  return {
    async erase(request, forgetQueued, announce = async () => {}) {
      const { tenantId, user, task, by } = request;
      if (!isId('tenant', tenantId) || (task !== undefined && !taskName.test(task))) throw noUser();
      const manifest = objectKeys.erasing(tenantId, user);
      return locks.hold(`erase:${tenantId}:${manifest}`, async () => {
        const begun = await readJson<Erasing>(store, manifest);
        const tasks = await scopeOf(request);
        if (!begun && tasks.length === 0) {
          await forgetImport(tenantId, user);
          throw noUser();
        }
        const erasing: Erasing = begun ?? {
          ...{ id: newId('erasure'), startedAt: timestamp(clock), tasks: [], objects: [], jobs: [] },
        };
        // What a call that died had begun is ended as well, whatever this one asks for.
        erasing.tasks = [...new Set([...erasing.tasks, ...tasks])].sort();
        for (const name of erasing.tasks) {
          const ref = { tenantId, task: name, user };
          await alone(parts, ref, () => eraseModel(ref, erasing, forgetQueued));
        }
        const { objects, jobs } = erasing;
        const receipt: ErasureReceipt = {
          ...{ id: erasing.id, tenantId, user, tasks: erasing.tasks },
          ...{ startedAt: erasing.startedAt, erasedAt: timestamp(clock), by, objects, jobs },
        };
        const jws = await signer.sign(receipt);
        const { user: _, objects: removed, ...named } = receipt;
        const proof: ErasureProof = {
          ...named,
          objects: removed.length,
          objectsSha256: removed.map(({ sha256 }) => sha256),
          jwsSha256: sha256Hex(jws),
        };
        await store.put(objectKeys.erasure(tenantId, proof.id), encodeJson(proof));
        await indexes.add(indexNames.erasures(tenantId), proof.id);
        // Before the manifest goes: a repetition tells it again, under the same id.
        await announce(proof);
        await forgetImport(tenantId, user);
        await store.delete(manifest);
        return { receipt, jws };
      });
    },
    async erasures(tenantId, page) {
      const name = indexNames.erasures(tenantId);
      const { members, nextCursor } = await indexes.page(name, { ...page, newestFirst: true });
      const found = await mapLimit(members, (id) => readProof(tenantId, id));
      return { data: found.filter((proof) => proof !== undefined), nextCursor };
    },
    async erasure(tenantId, erasureId) {
      const proof = isId('erasure', erasureId) ? await readProof(tenantId, erasureId) : undefined;
      if (!proof) throw new AppError('erasure_not_found', 'No erasure has this id.');
      return { proof, jws: await signer.sign(proof) };
    },
    export: createExportUser(parts),
    import: createImportUser(parts, knownTasks, examples),
    collectImports: createCollectImports(parts, examples),
    signingKey: signer.publicKey,
  };
}

/** Key, hash and size of everything under a prefix. */
async function hashAll(store: ObjectStore, prefix: string): Promise<ErasedObject[]> {
  const keys: string[] = [];
  for await (const { key } of listAll(store, prefix)) keys.push(key);
  const objects = await mapLimit(keys, async (key) => {
    const object = await store.get(key);
    return object && { key, sha256: sha256Hex(object.body), bytes: object.body.byteLength };
  });
  return objects.filter((object) => object !== undefined);
}
