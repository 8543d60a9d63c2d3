import {
  type Answer,
  AppError,
  type Example,
  type ExampleInput,
  idOfTime,
  limits,
  type ModelRef,
  timestamp,
} from '@scion/contracts';
import { requireNoImport } from './archive/importing.js';
import { compactSegments } from './compact.js';
import { createExampleIndex, type IndexChange } from './example-index.js';
import {
  contentDigest,
  type DeletedExample,
  dataDigest,
  listSegments,
  nextSegmentId,
  type PlacedExample,
  readFrom,
  type SegmentLine,
  streamSegments,
} from './example-segments.js';
import { noteExamples } from './example-tally.js';
import { decodeCursor, encodeCursor, lockNames, modelName, pageSize } from './indexes.js';
import { encodeLines } from './json-object.js';
import { objectKeys } from './keys.js';
import type { HeldLock } from './locks.js';
import type { RegistryParts } from './parts.js';
import type { Examples, Tasks } from './registry.js';
import { addStoredBytes } from './usage.js';

/** How far `firstLabels` may lag behind another process that changed the examples, should its message be lost. */
const labelsForMs = 5_000;
/** Roughly: two bytes a character, and what a string costs. A row of many labels may hold 100,000 characters. */
const bytesOfLabels = (labels: Answer[]): number =>
  labels.flat().reduce<number>((sum, label) => sum + 32 + 2 * String(label).length, 64);

export function createExamples(parts: RegistryParts, tasks: Tasks): Examples {
  const { store, indexes, locks, clock, newId } = parts;
  const index = createExampleIndex(parts);
  const lockName = lockNames.examples;
  const firstLabels = parts.cache('labels', labelsForMs, bytesOfLabels);
  parts.onErased(firstLabels);

  const complete = (input: ExampleInput, createdAt: string): Example => ({
    id: input.id ?? newId('example'),
    input: input.input,
    label: input.label,
    weight: input.weight ?? 1,
    createdAt,
  });

  /** Puts the next segment, and folds into the index what it changes. */
  async function write(
    ref: ModelRef,
    lock: HeldLock,
    last: string,
    lines: SegmentLine[],
    change: IndexChange,
  ): Promise<void> {
    const segmentId = nextSegmentId(last, newId('segment'));
    await index.markDirty(ref, lock);
    const bytes = encodeLines(lines);
    const key = objectKeys.segment(ref, segmentId);
    await parts.fence.put(
      ref,
      lock,
      () => key,
      () => store.put(key, bytes),
    );
    await index.fold(ref, lock, segmentId, change);
    await parts.announce('labels', modelName(ref));
    await noteExamples(parts, ref);
    await addStoredBytes(parts, ref, bytes.byteLength);
  }

  return {
    async append(ref, inputs) {
      await tasks.get(ref.tenantId, ref.task);
      return locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const last = await index.load(ref, lock);
        const createdAt = timestamp(clock);
        const rows = inputs.map((input) => complete(input, createdAt));
        const ids = rows.map(({ id }) => id);
        const distinct = [...new Set(ids)];
        const known = new Map<string, string | undefined>();
        const digests = await index.digests(ref, distinct);
        distinct.forEach((id, at) => {
          known.set(id, digests[at]);
        });
        const before = distinct.filter((_, at) => digests[at] !== undefined).length;
        const tally = { accepted: 0, replaced: 0, duplicates: 0 };
        const changed = new Map<string, Example>();
        for (const row of rows) {
          const digest = contentDigest(row);
          const current = known.get(row.id);
          if (current === digest) tally.duplicates += 1;
          else {
            tally[current === undefined ? 'accepted' : 'replaced'] += 1;
            known.set(row.id, digest);
            changed.delete(row.id);
            changed.set(row.id, row);
          }
        }
        const total = ((await index.size(ref)) ?? 0) + distinct.length - before;
        if (total > limits.examplesPerModel && tally.accepted > 0) {
          throw new AppError(
            'quota_exceeded',
            `A user keeps at most ${limits.examplesPerModel} examples for a task; delete some first.`,
          );
        }
        if (changed.size > 0) {
          const stored = [...changed.values()];
          await write(ref, lock, last, stored, { stored, deleted: [] });
        }
        // Also when nothing was new: the request may repeat one that died right after its segment.
        await indexes.putModel(ref);
        return { ...tally, ids, total };
      });
    },
    async list(ref, page = {}) {
      await tasks.get(ref.tenantId, ref.task);
      const limit = pageSize(page);
      const after = page.cursor === undefined ? undefined : parsePosition(page.cursor);
      // Only a later line can replace one, so what stands before the cursor need not be read.
      const { placed } = await readFrom(store, ref, after?.segmentId);
      const rest = after ? placed.filter((row) => isAfter(row, after)) : placed;
      const shown = rest.slice(0, limit);
      const last = shown.at(-1);
      return {
        data: shown.map(({ example }) => example),
        nextCursor: rest.length > limit && last ? encodeCursor(`${last.segmentId}.${last.line}`) : null,
      };
    },
    async delete(ref, exampleId) {
      await tasks.get(ref.tenantId, ref.task);
      await locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const last = await index.load(ref, lock);
        const [digest] = await index.digests(ref, [exampleId]);
        // The field '' of the index is its own.
        if (exampleId === '' || digest === undefined) {
          throw new AppError('example_not_found', 'This user has no example of that id for the task.');
        }
        const line: DeletedExample = { id: exampleId, deletedAt: timestamp(clock) };
        await write(ref, lock, last, [line], { stored: [], deleted: [exampleId] });
      });
    },
    async export(ref) {
      await tasks.get(ref.tenantId, ref.task);
      return streamSegments(store, ref);
    },
    async all(ref) {
      const { placed } = await readFrom(store, ref);
      const examples = placed.map(({ example }) => example);
      return { examples, dataSha256: dataDigest(examples) };
    },
    async compact(ref, { atLeast = 2 } = {}) {
      await tasks.get(ref.tenantId, ref.task);
      return locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        await index.load(ref, lock);
        const before = (await listSegments(store, ref)).length;
        if (before < atLeast) return { before, after: before, examples: (await index.size(ref)) ?? 0 };
        const stillHeld = async () => (await parts.redis.get(lock.key)) === lock.token;
        const { last, ...compaction } = await compactSegments(store, ref, stillHeld);
        await index.fold(ref, lock, last, { stored: [], deleted: [] });
        return compaction;
      });
    },
    async count(ref) {
      const size = await index.size(ref);
      if (size !== undefined) return size;
      return locks.hold(lockName(ref), async (lock) => {
        await index.load(ref, lock);
        return (await index.size(ref)) ?? 0;
      });
    },
    async countSince(ref, ms) {
      // A segment's id is made after the times in it, and never sorts before an earlier one.
      const { placed } = await readFrom(store, ref, idOfTime('segment', ms + 1));
      return placed.filter(({ example }) => Date.parse(example.createdAt) > ms).length;
    },
    firstLabels: (ref) =>
      firstLabels.get(modelName(ref), async () => {
        const { placed } = await readFrom(store, ref);
        return placed.slice(0, limits.pageSize).map(({ example }) => example.label);
      }),
  };
}

type Position = Pick<PlacedExample, 'segmentId' | 'line'>;

const isAfter = (row: Position, mark: Position): boolean =>
  row.segmentId === mark.segmentId ? row.line > mark.line : row.segmentId > mark.segmentId;

function parsePosition(cursor: string): Position {
  const match = /^(seg_[0-9a-z]{26})\.(\d{1,9})$/.exec(decodeCursor(cursor));
  if (!match) throw new AppError('invalid_request', '`cursor` is not one that a page of this list returned.');
  return { segmentId: match[1] as string, line: Number(match[2]) };
}
