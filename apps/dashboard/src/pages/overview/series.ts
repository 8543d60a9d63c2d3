import type { Overview } from '@scion/sdk';

/**
 * Counts of buckets as rates a minute; of the bucket that is still open, over the part of it that has passed: `to` is the
 * end of a whole one, and lies ahead of `nowMs`.
 */
export function perMinute(
  { at, to, stepSeconds }: Pick<Overview, 'at' | 'to' | 'stepSeconds'>,
  counts: readonly number[],
  nowMs: number,
): number[] {
  const end = Math.min(nowMs, Date.parse(to));
  return counts.map((value, index) => {
    const start = Date.parse(at[index] ?? to);
    const passed = Math.min(stepSeconds, Math.max(1, (end - start) / 1000));
    // A bucket of a few seconds would make one job look like a rush.
    return value / Math.max(passed / 60, Math.min(1, stepSeconds / 60));
  });
}
