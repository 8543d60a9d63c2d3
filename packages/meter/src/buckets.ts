import type { Redis } from 'ioredis';
import { addTo, type Histogram } from './histogram.js';

/**
 * What happened in a minute, or in several: numbers by name. Names hold tenants, tasks and processes at the most, never
 * a user. Those that start with `max:` are states rather than counts: of several minutes the greatest stands.
 */
export type Bucket = Map<string, number>;

export const minuteMs = 60_000;
/** Minutes are kept this long, and a range reaches back no further. */
export const keptMinutes = 24 * 60;
/** Whoever could not reach Redis catches up within this; then a minute does not change any more. */
const settledMinutes = 2;

export const minuteKey = (minute: number): string => `{scion}:meter:minute:${minute}`;

/** Adds what one bucket holds to another. */
export function mergeInto(target: Bucket, source: Bucket): void {
  for (const [name, value] of source) {
    const before = target.get(name) ?? 0;
    target.set(name, name.startsWith('max:') ? Math.max(before, value) : before + value);
  }
}

/** The values whose names start with `prefix`, by the rest of the name. */
export function* under(bucket: Bucket, prefix: string): Generator<[string, number]> {
  for (const [name, value] of bucket) if (name.startsWith(prefix)) yield [name.slice(prefix.length), value];
}

export function histogramOf(bucket: Bucket, prefix: string): Histogram {
  const histogram: Histogram = new Map();
  for (const [rest, count] of under(bucket, prefix)) addTo(histogram, Number(rest), count);
  return histogram;
}

/** Reads minutes, and remembers those that no longer change. */
export function createMinuteReader({ redis, clock }: { redis: Redis; clock: () => number }): {
  read(minutes: number[]): Promise<Bucket[]>;
} {
  const settled = new Map<number, Bucket>();

  return {
    async read(minutes) {
      const now = Math.floor(clock() / minuteMs);
      for (const minute of settled.keys()) if (minute < now - keptMinutes) settled.delete(minute);
      const unread = minutes.filter((minute) => !settled.has(minute));
      const pipeline = redis.pipeline();
      for (const minute of unread) pipeline.hgetall(minuteKey(minute));
      const replies = (await pipeline.exec()) ?? [];
      const found = new Map<number, Bucket>();
      for (const [at, minute] of unread.entries()) {
        const [error, fields] = replies[at] ?? [];
        if (error) throw error;
        const values = Object.entries((fields ?? {}) as Record<string, string>);
        found.set(minute, new Map(values.map(([name, value]) => [name, Number(value)])));
      }
      for (const [minute, bucket] of found) if (minute < now - settledMinutes) settled.set(minute, bucket);
      return minutes.map((minute) => settled.get(minute) ?? found.get(minute) ?? new Map());
    },
  };
}
