import {
  AppError,
  archiveInvalid,
  type Job,
  kindOfAnswer,
  type ModelRef,
  type NewId,
  type TaskKind,
  timestamp,
  type UserImported,
} from '@scion/contracts';
import { alone } from '../alone.js';
import { nextSegmentId } from '../example-segments.js';
import { noteExamples } from '../example-tally.js';
import { indexNames, memberOfImport, modelName } from '../indexes.js';
import { encodeJson, encodeLines, readJson } from '../json-object.js';
import { objectKeys } from '../keys.js';
import type { RegistryParts } from '../parts.js';
import type { Examples, Tasks } from '../registry.js';
import { sha256Hex } from '../secrets.js';
import { addStoredBytes } from '../usage.js';
import type { Rebind, Users } from '../whole-users.js';
import { tasksOf } from './export-user.js';
import type { Importing } from './importing.js';
import { type ArchivedTask, readArchive } from './read-archive.js';
import { createTakeBack } from './take-back.js';

type Objects = [key: string, body: Uint8Array][];

/**
 * Stores an exported user under a tenant that does not know it yet. All of it is read, checked and bound to the new
 * owner before the first byte is stored. A mark that names every object stands beside them while they are written, and
 * keeps all other writers off: what a death leaves half done is removed by importing again, by erasing the user or in the
 * night.
 */
export function createImportUser(parts: RegistryParts, tasks: Tasks, examples: Examples) {
  const { store, locks, indexes, clock, newId } = parts;
  const takeBack = createTakeBack(parts, examples);

  return async function importUser(
    tenantId: string,
    archive: Uint8Array,
    rebind: Rebind,
    as?: string,
    admit: Parameters<Users['import']>[4] = async () => {},
  ): Promise<UserImported> {
    const { head, tasks: archived } = readArchive(archive);
    const user = as ?? head.user;
    const marker = objectKeys.importing(tenantId, user);
    return locks.hold(wholeUser(tenantId, user), async () => {
      const begun = await readJson<Importing>(store, marker);
      const erasing = (await store.head(objectKeys.erasing(tenantId, user))) !== undefined;
      const isKnown = async () => (await tasksOf(store, tenantId, user)).length > 0;
      const exists = async () => {
        // Where an import died right behind its mark's removal, this is all that it left.
        await indexes.remove(indexNames.imports, memberOfImport(tenantId, user));
        return new AppError('user_exists', 'The tenant knows this user already; erase it first.');
      };
      if (erasing || (!begun && (await isKnown()))) throw await exists();
      const jobIds = createJobIds(newId);
      const made: ReturnType<typeof encodeTask>[] = [];
      for (const [task, content] of archived) {
        // Throws when there is no such task.
        const { kind } = await tasks.get(tenantId, task);
        const ref = { tenantId, task, user };
        const from = { tenantId: head.tenantId, task, user: head.user };
        made.push(encodeTask(ref, from, content, { kind, jobIds, newId, rebind }));
      }
      if (begun) {
        // Before the quotas are asked: it counts there.
        await takeBack(tenantId, user, begun);
        // By what others had stored before its mark.
        if (await isKnown()) throw await exists();
      }
      const planned = made.flatMap(({ objects }) => objects);
      await admit({
        user,
        tasks: made.map(({ count }) => count),
        bytes: planned.reduce((sum, [, body]) => sum + body.byteLength, 0),
      });
      const importing: Importing = {
        at: timestamp(clock),
        objects: planned.map(([key, body]) => ({ key, sha256: sha256Hex(body) })),
      };
      // Without its mark the entry means nothing, and goes in the night.
      await indexes.add(indexNames.imports, memberOfImport(tenantId, user));
      try {
        // Within: it may stand although the answer was lost.
        await store.put(marker, encodeJson(importing));
        // Whoever has not seen the mark holds a lock since before it, and is waited for.
        for (const { ref } of made) await alone(parts, ref, async () => {});
        if (await isKnown()) throw await exists();
        for (const { ref, objects, jobs } of made) {
          await alone(parts, ref, async () => {
            for (const [key, body] of objects) {
              await store.put(key, body);
              await addStoredBytes(parts, ref, body.byteLength);
            }
            await indexes.putModel(ref);
            for (const job of jobs) await indexes.putJob(job);
          });
          await parts.announce('live', modelName(ref));
          await parts.announce('labels', modelName(ref));
          await examples.count(ref);
          await noteExamples(parts, ref);
        }
      } catch (error) {
        // Whoever can still do so leaves nothing half done. What fails here too is left to the next one.
        await takeBack(tenantId, user, importing).catch(() => undefined);
        throw error;
      }
      await store.delete(marker);
      await indexes.remove(indexNames.imports, memberOfImport(tenantId, user));
      return { user, tasks: made.map(({ count }) => count) };
    });
  };
}

/** Whoever stores or removes a whole user lines up under this name. */
export const wholeUser = (tenantId: string, user: string): string =>
  `erase:${tenantId}:${objectKeys.erasing(tenantId, user)}`;

/** New ids for the jobs of another deployment, which may be this one: those of one moment keep their moment. */
function createJobIds(newId: NewId): (jobId: string) => string {
  const ids = new Map<string, string>();
  return (jobId) => {
    const made = ids.get(jobId) ?? `${jobId.slice(0, 14)}${newId('job').slice(14)}`;
    ids.set(jobId, made);
    return made;
  };
}

function encodeTask(
  ref: ModelRef,
  from: ModelRef,
  { examples, versions, switches, jobs }: ArchivedTask,
  {
    kind,
    jobIds,
    newId,
    rebind,
  }: { kind: TaskKind; jobIds: (jobId: string) => string; newId: NewId; rebind: Rebind },
) {
  const refuse = (what: string): AppError =>
    archiveInvalid(
      `${what} of \`${ref.task}\` is not of the kind of that task here, \`${kind}\`: import it where the task’s kind is the same`,
    );
  if (examples.some(({ label }) => kindOfAnswer(label) !== kind)) throw refuse('the `label` of an example');
  const objects: Objects = [];
  let segmentId = newId('segment');
  for (let at = 0; at < examples.length; at += 1_000) {
    const lines = encodeLines(examples.slice(at, at + 1_000));
    objects.push([objectKeys.segment(ref, segmentId), lines]);
    segmentId = nextSegmentId(segmentId, segmentId);
  }
  const hashes = new Map<number, string>();
  for (const { card, adapterSha256, adapter, pinned } of versions) {
    const { version } = card;
    const bound = rebind(
      adapter,
      { owner: from, version, sha256: adapterSha256 },
      { owner: ref, jobId: jobIds(card.jobId) },
    );
    if ((bound.card.kind ?? 'classification') !== kind) throw refuse(`version ${version}`);
    hashes.set(version, bound.sha256);
    const record = { card: bound.card, adapterSha256: bound.sha256, adapterBytes: bound.bytes.byteLength };
    objects.push([objectKeys.adapter(ref, version), bound.bytes]);
    objects.push([objectKeys.card(ref, version), encodeJson(record)]);
    if (pinned)
      objects.push([objectKeys.pin(ref, version), encodeJson({ at: card.createdAt, by: 'import' })]);
  }
  const records = jobs.map(({ job, events }): Job => {
    const id = jobIds(job.id);
    const record = { ...job, ...ref, id, ...(job.retryOf && { retryOf: jobIds(job.retryOf) }) };
    objects.push([objectKeys.jobEvents(ref, id), encodeLines(events)]);
    objects.push([objectKeys.job(ref, id), encodeJson(record)]);
    return record;
  });
  // Last, so that a model answers only when all of it is there.
  switches.forEach((entry, at) => {
    const by = entry.by.startsWith('job_') ? jobIds(entry.by) : entry.by;
    const record = { ...entry, by, adapterSha256: hashes.get(entry.version) };
    objects.push([objectKeys.live(ref, at + 1), encodeJson(record)]);
  });
  const count = {
    ...{ task: ref.task, examples: examples.length, versions: versions.length, jobs: jobs.length },
    live: switches.at(-1)?.version ?? null,
  };
  return { ref, objects, jobs: records, count };
}
