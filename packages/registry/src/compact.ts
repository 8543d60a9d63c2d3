import { AppError, type Compaction, type Example, type ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { listSegments, nextSegmentId, streamSegments } from './example-segments.js';
import { encodeLines } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';

/** Examples of a compacted segment, so that a reader holds some MB at a time. */
const bytesPerSegment = 4 * 1024 * 1024;

/**
 * Writes what still counts into as few segments as it fills, then removes the segments it came from: what was deleted or
 * replaced is gone from the store. Call it under the lock of those who append; `stillHeld` says whether it still is.
 *
 * The new ids follow at once upon the last one: whatever a process that overtook a lost lock has appended meanwhile sorts
 * behind them and goes on to count. Originals go oldest first, so that no deletion goes before what it deletes.
 */
export async function compactSegments(
  store: ObjectStore,
  ref: ModelRef,
  stillHeld: () => Promise<boolean>,
): Promise<Compaction & { last: string }> {
  const before = await listSegments(store, ref);
  const written: string[] = [];
  let last = before.at(-1) ?? '';
  let part: Example[] = [];
  let bytes = 0;
  let examples = 0;

  async function flush(): Promise<void> {
    last = nextSegmentId(last, last);
    written.push(last);
    await store.put(objectKeys.segment(ref, last), encodeLines(part));
    part = [];
    bytes = 0;
  }

  for await (const example of streamSegments(store, ref)) {
    part.push(example);
    examples += 1;
    bytes += Buffer.byteLength(JSON.stringify(example));
    if (bytes >= bytesPerSegment) await flush();
  }
  // Also when nothing is left, so that the user's folder goes on to say that there is one.
  if (part.length > 0 || written.length === 0) await flush();
  if (!(await stillHeld())) {
    // Another one may have deleted meanwhile what these copies hold.
    await mapLimit(written, (segmentId) => store.delete(objectKeys.segment(ref, segmentId)));
    throw new AppError('overloaded', 'Compacting took too long and lost its place; try again.');
  }
  for (const segmentId of before) await store.delete(objectKeys.segment(ref, segmentId));
  return { before: before.length, after: written.length, examples, last };
}
