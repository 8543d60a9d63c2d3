import type { Overview } from '@scion/contracts';
import { type Bucket, histogramOf, mergeInto, under } from './buckets.js';
import { quantile } from './histogram.js';

/** Tenants that get a series of their own. */
const shownTenants = 10;

export type OverviewSeries = Pick<
  Overview,
  'jobs' | 'timeToLive' | 'queue' | 'predict' | 'cache' | 'webhooks' | 'totals'
>;

const sum = (bucket: Bucket, prefix: string): number => {
  let total = 0;
  for (const [, value] of under(bucket, prefix)) total += value;
  return total;
};
const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const round = (value: number): number => Number(value.toPrecision(4));
const rounded = (value: number | null): number | null => (value === null ? null : round(value));

/** The series of a range from its buckets, and their totals. `seconds`: how much of each bucket's time has passed. */
export function seriesOf(buckets: Bucket[], seconds: number[]): OverviewSeries {
  const each = <T>(read: (bucket: Bucket) => T): T[] => buckets.map(read);
  const count = (name: string): number[] => each((bucket) => bucket.get(name) ?? 0);
  const quantiles = (prefix: string, q: number, unit: number) =>
    each((bucket) => quantileOf(bucket, prefix, q, unit));
  const state = (prefix: string) =>
    each((bucket) => ([...under(bucket, prefix)].length === 0 ? null : sum(bucket, prefix)));
  return {
    jobs: {
      succeeded: count('ended:succeeded'),
      failed: count('ended:failed'),
      cancelled: count('ended:cancelled'),
      promoted: count('gate:promoted'),
      kept: count('gate:kept'),
    },
    timeToLive: { p50: quantiles('live:', 0.5, 1_000), p95: quantiles('live:', 0.95, 1_000) },
    queue: { waiting: count('max:depth'), tenants: tenantsOf(buckets) },
    predict: {
      rowsPerSecond: count('rows').map((rows, at) => round(rows / seconds[at]!)),
      p50Ms: quantiles('predict:', 0.5, 1),
      p99Ms: quantiles('predict:', 0.99, 1),
    },
    cache: {
      bytes: state('max:cache:bytes:'),
      entries: state('max:cache:entries:'),
      hitRate: each(hitRateOf),
    },
    webhooks: { delivered: count('hook:ok'), failed: count('hook:failed') },
    totals: totalsOf(merged(buckets)),
  };
}

export function merged(buckets: Bucket[]): Bucket {
  const all: Bucket = new Map();
  for (const bucket of buckets) mergeInto(all, bucket);
  return all;
}

export function totalsOf(all: Bucket): Overview['totals'] {
  const read = (name: string): number => all.get(name) ?? 0;
  const ended = sum(all, 'ended:');
  return {
    ended,
    failureRate: share(read('ended:failed'), ended),
    promotionRate: share(read('gate:promoted'), sum(all, 'gate:')),
    timeToLiveP50Seconds: quantileOf(all, 'live:', 0.5, 1_000),
    timeToLiveP95Seconds: quantileOf(all, 'live:', 0.95, 1_000),
    predictedRows: read('rows'),
    predictP50Ms: quantileOf(all, 'predict:', 0.5, 1),
    predictP99Ms: quantileOf(all, 'predict:', 0.99, 1),
    cacheHitRate: hitRateOf(all),
    webhookFailureRate: share(read('hook:failed'), sum(all, 'hook:')),
  };
}

function quantileOf(bucket: Bucket, prefix: string, q: number, unit: number): number | null {
  const value = quantile(histogramOf(bucket, prefix), q);
  return rounded(value === null ? null : value / unit);
}

const hitRateOf = (bucket: Bucket): number | null => {
  const hits = bucket.get('cache:hits') ?? 0;
  return rounded(share(hits, hits + (bucket.get('cache:misses') ?? 0)));
};

function tenantsOf(buckets: Bucket[]): Overview['queue']['tenants'] {
  const all = merged(buckets);
  const ids = new Set([...under(all, 'max:depth:'), ...under(all, 'waited:')].map(([id]) => id));
  const rank = (id: string): [number, number] => [
    all.get(`max:depth:${id}`) ?? 0,
    (all.get(`waitMs:${id}`) ?? 0) / (all.get(`waited:${id}`) ?? 1),
  ];
  return [...ids]
    .map((id) => ({ id, rank: rank(id) }))
    .sort((a, b) => b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1] || (a.id < b.id ? -1 : 1))
    .slice(0, shownTenants)
    .map(({ id }) => ({
      tenantId: id,
      waiting: buckets.map((bucket) => bucket.get(`max:depth:${id}`) ?? 0),
      waitSeconds: buckets.map((bucket) => {
        const mean = share(bucket.get(`waitMs:${id}`) ?? 0, bucket.get(`waited:${id}`) ?? 0);
        return rounded(mean === null ? null : mean / 1_000);
      }),
    }));
}
