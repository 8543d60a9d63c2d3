/**
 * Counts of values in buckets whose bounds grow by a fourth root of two, so that a quantile read from them is off by at
 * most 9 %. Sums of such counts, over processes and minutes, keep that.
 */
export type Histogram = Map<number, number>;

const perDoubling = 4;
/** 2^-4 to 2^24: 60 µs to 4.6 hours, in milliseconds. What lies outside counts as the nearest. */
const lowest = -4 * perDoubling;
const highest = 24 * perDoubling;

/** The bucket of a value: it holds the values in `(2^((n-1)/4), 2^(n/4)]`. */
export function bucketOf(value: number): number {
  const exact = Math.ceil(Math.log2(Math.max(value, Number.MIN_VALUE)) * perDoubling);
  return Math.min(highest, Math.max(lowest, exact));
}

/** The value below which a share `q` of all lies, taken in the middle of its bucket; null when there is none. */
export function quantile(histogram: Histogram, q: number): number | null {
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const wanted = Math.max(1, Math.ceil(q * total));
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= wanted) return 2 ** ((bucket - 0.5) / perDoubling);
  }
  return null;
}

export function addTo(histogram: Histogram, bucket: number, count: number): void {
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}
