import { randomUUID } from 'node:crypto';
import { type Clock, dayOf } from '@scion/contracts';
import type { Redis } from 'ioredis';

const fields = ['predictRows', 'trainingMs', 'cacheByteSeconds'] as const;
type Field = (typeof fields)[number];

/** What a tenant used on one day, since Redis last lost its data. */
export interface CountedUsage {
  /** Names this stretch of counting: another one begins at 0 after a loss of Redis. */
  epoch: string;
  predictRows: number;
  trainingSeconds: number;
  cacheByteHours: number;
}

const keptSeconds = 3 * 86_400;
const tenantsKey = (day: string): string => `{scion}:meter:usage:${day}`;
const usageKey = (day: string, tenantId: string): string => `${tenantsKey(day)}:${tenantId}`;

export interface UsageCounter {
  add(tenantId: string, field: Field, by: number): void;
  /** Counts what is in memory for the time since it was said last. */
  cached(bytes: Iterable<[tenantId: string, bytes: number]>): void;
  flush(): Promise<void>;
  of(tenantId: string, day: string): Promise<CountedUsage | undefined>;
  tenants(day: string): Promise<string[]>;
}

/** Sums by tenant and day (UTC), in Redis for three days; whoever bills keeps them elsewhere. */
export function createUsageCounter({ redis, clock }: { redis: Redis; clock: Clock }): UsageCounter {
  let pending = new Map<string, { day: string; tenantId: string; field: Field; by: number }>();
  let cachedAt = clock();

  function add(tenantId: string, field: Field, by: number, day = dayOf(clock())): void {
    if (by === 0) return;
    const name = `${day} ${tenantId} ${field}`;
    const entry = pending.get(name);
    if (entry) entry.by += by;
    else pending.set(name, { day, tenantId, field, by });
  }

  return {
    add: (tenantId, field, by) => add(tenantId, field, by),
    cached(bytes) {
      const now = clock();
      const seconds = Math.max(0, now - cachedAt) / 1_000;
      cachedAt = now;
      for (const [tenantId, held] of bytes) add(tenantId, 'cacheByteSeconds', Math.round(held * seconds));
    },
    async flush() {
      if (pending.size === 0) return;
      const sent = pending;
      pending = new Map();
      const batch = redis.multi();
      for (const { day, tenantId, field, by } of sent.values()) {
        const key = usageKey(day, tenantId);
        batch.sadd(tenantsKey(day), tenantId).expire(tenantsKey(day), keptSeconds);
        batch.hsetnx(key, 'epoch', randomUUID()).hincrby(key, field, by).expire(key, keptSeconds);
      }
      try {
        await batch.exec();
      } catch (error) {
        // Counted later; should Redis have taken it and only the answer been lost, it counts twice.
        for (const { day, tenantId, field, by } of sent.values()) add(tenantId, field, by, day);
        throw error;
      }
    },
    async of(tenantId, day) {
      const [epoch, ...counts] = await redis.hmget(usageKey(day, tenantId), 'epoch', ...fields);
      if (typeof epoch !== 'string') return undefined;
      const [predictRows = 0, trainingMs = 0, cacheByteSeconds = 0] = counts.map(Number);
      return {
        epoch,
        predictRows,
        trainingSeconds: trainingMs / 1_000,
        cacheByteHours: cacheByteSeconds / 3_600,
      };
    },
    tenants: (day) => redis.smembers(tenantsKey(day)),
  };
}
