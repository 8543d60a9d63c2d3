import { type Clock, dayMs, dayOf } from '@scion/contracts';
import type { Meter } from '@scion/meter';
import type { Registry } from '@scion/registry';

export interface UsageKeeper {
  /** Writes what was counted since the last call to the bucket, for today and yesterday. */
  keep(): Promise<void>;
  /** Sums what every tenant stores. Reads the whole listing of the bucket. */
  measureAll(): Promise<void>;
}

/** Makes durable what the meter counts in Redis. What was counted since the last call is lost with Redis. */
export function createUsageKeeper({
  registry,
  meter,
  clock,
}: {
  registry: Pick<Registry, 'tenants' | 'usage'>;
  meter: Pick<Meter, 'usage' | 'usersOf'>;
  clock: Clock;
}): UsageKeeper {
  let kept = new Map<string, string>();
  return {
    async keep() {
      const written = new Map<string, string>();
      for (const day of [dayOf(clock() - dayMs), dayOf(clock())]) {
        for (const tenantId of await meter.usersOf(day)) {
          const counted = await meter.usage(tenantId, day);
          if (!counted) continue;
          const name = `${tenantId} ${day}`;
          const { epoch, ...counts } = counted;
          const text = JSON.stringify(counted);
          if (kept.get(name) !== text) await registry.usage.keep(tenantId, day, epoch, counts);
          written.set(name, text);
        }
      }
      kept = written;
    },
    async measureAll() {
      for (let cursor: string | undefined; ; ) {
        const page = await registry.tenants.list(cursor === undefined ? {} : { cursor });
        for (const { id } of page.data) await registry.usage.measure(id);
        if (page.nextCursor === null) return;
        cursor = page.nextCursor;
      }
    },
  };
}
