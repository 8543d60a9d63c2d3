import type { Overview } from '@scion/sdk';

/** Counts of buckets as rates a minute; of the bucket that is still open, over the part of it that has passed. */
export function perMinute(
  { at, to, stepSeconds }: Pick<Overview, 'at' | 'to' | 'stepSeconds'>,
  counts: readonly number[],
): number[] {
  return counts.map((value, index) => {
    const start = Date.parse(at[index] ?? to);
    const passed = Math.min(stepSeconds, Math.max(1, (Date.parse(to) - start) / 1000));
    // A bucket of a few seconds would make one job look like a rush.
    return value / Math.max(passed / 60, Math.min(1, stepSeconds / 60));
  });
}
