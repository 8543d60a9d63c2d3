import { dayMs, dayOf, idOfTime, type ModelRef, type UsageDay } from '@scion/contracts';
import { listAll } from '@scion/store';
import type { Tenants, UsageCounts, UsageLevels, Usages } from './accounts.js';
import { createAdmissions } from './admissions.js';
import { countedAll, noteExamples, tallied } from './example-tally.js';
import { indexNames, openStates, refOfMember } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { baseName, objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { RegistryParts } from './parts.js';
import type { Examples } from './registry.js';

/** String: bytes stored of a tenant's users. Set by a measurement; between two of them, what is written adds to it. */
const bytesKey = (tenantId: string): string => `{scion}:stored-bytes:${tenantId}`;

/** A day as stored: what each epoch of Redis counted of it, and the bytes as last measured. */
interface UsageRecord {
  parts: Record<string, UsageCounts>;
  storedBytes: number | null;
}

/** Notes that bytes were stored of a tenant's user, or removed. An estimate until the next measurement. */
export async function addStoredBytes(
  { redis }: Pick<RegistryParts, 'redis'>,
  { tenantId }: ModelRef,
  bytes: number,
): Promise<void> {
  // A tenant that was never measured stays so: half a figure would be taken for the whole.
  await redis.eval(addScript, 1, bytesKey(tenantId), bytes);
}
const addScript = `
if redis.call('exists', KEYS[1]) == 1 then return redis.call('incrby', KEYS[1], ARGV[1]) end
return 0`;

export function createUsages(
  parts: RegistryParts,
  tenants: Pick<Tenants, 'get'>,
  examples: Pick<Examples, 'count'>,
): Usages {
  const { store, redis, indexes, locks, clock } = parts;

  async function storedBytes(tenantId: string): Promise<number> {
    const known = await redis.get(bytesKey(tenantId));
    return known === null ? measure(tenantId) : Math.max(0, Number(known));
  }

  async function measure(tenantId: string): Promise<number> {
    let bytes = 0;
    for await (const object of listAll(store, objectKeys.usersPrefix(tenantId))) bytes += object.bytes;
    await redis.set(bytesKey(tenantId), bytes);
    await change(tenantId, dayOf(clock()), (record) => {
      record.storedBytes = bytes;
    });
    return bytes;
  }

  const counting = new Map<string, Promise<number>>();

  /** As tallied; the first time since a loss of Redis by asking every model, once for all who ask meanwhile. */
  async function countExamples(tenantId: string): Promise<number> {
    const known = await tallied(parts, tenantId);
    if (known !== undefined) return known;
    const running = counting.get(tenantId) ?? countAll(tenantId).finally(() => counting.delete(tenantId));
    counting.set(tenantId, running);
    return running;
  }

  async function countAll(tenantId: string): Promise<number> {
    for (let cursor: string | undefined; ; ) {
      const { members, nextCursor } = await indexes.page(indexNames.models(tenantId), { cursor });
      await mapLimit(members, async (member) => {
        const ref = refOfMember(tenantId, member);
        if (!ref) return;
        await examples.count(ref);
        await noteExamples(parts, ref);
      });
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    await countedAll(parts, tenantId);
    return (await tallied(parts, tenantId)) ?? 0;
  }

  async function change(tenantId: string, day: string, apply: (record: UsageRecord) => void): Promise<void> {
    await locks.hold(`usage:${tenantId}:${day}`, async () => {
      const key = objectKeys.usage(tenantId, day);
      const record = (await readJson<UsageRecord>(store, key)) ?? { parts: {}, storedBytes: null };
      apply(record);
      await store.put(key, encodeJson(record));
    });
  }

  const openJobs = async (tenantId: string): Promise<number> => {
    const sizes = openStates.map((state) => indexes.size(indexNames.jobsInState(tenantId, state)));
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  // Ids begin with the time they were made at.
  const jobsToday = (tenantId: string): Promise<number> =>
    indexes.sizeFrom(indexNames.jobs(tenantId), idOfTime('job', clock() - (clock() % dayMs)));

  return {
    async levels(tenantId): Promise<UsageLevels> {
      const limited = (await tenants.get(tenantId)).quotas?.examples !== undefined;
      const [users, kept, bytes, jobsPerDay, open] = await Promise.all([
        indexes.size(indexNames.users(tenantId)),
        limited ? countExamples(tenantId) : null,
        storedBytes(tenantId),
        jobsToday(tenantId),
        openJobs(tenantId),
      ]);
      return { users, examples: kept, storageBytes: bytes, jobsPerDay, openJobs: open };
    },
    ...createAdmissions(
      { tenants, indexes, clock },
      { storedBytes, examples: countExamples, jobsToday, openJobs },
    ),
    measure,
    async keep(tenantId, day, epoch, counts) {
      await change(tenantId, day, (record) => {
        record.parts[epoch] = counts;
      });
    },
    async days(tenantId, { from, to }, live) {
      const found = new Set(live.map(({ day }) => day).filter((day) => day >= from && day <= to));
      for await (const { key } of listAll(store, objectKeys.usagePrefix(tenantId))) {
        const day = baseName(key);
        if (day >= from && day <= to) found.add(day);
      }
      return mapLimit([...found].sort().reverse(), async (day): Promise<UsageDay> => {
        const kept = await readJson<UsageRecord>(store, objectKeys.usage(tenantId, day));
        const counted = { ...kept?.parts };
        for (const one of live) if (one.day === day) counted[one.epoch] = one.counts;
        const sum = (name: keyof UsageCounts): number =>
          Object.values(counted).reduce((total, part) => total + part[name], 0);
        return {
          day,
          predictRows: sum('predictRows'),
          trainingSeconds: sum('trainingSeconds'),
          cacheByteHours: sum('cacheByteHours'),
          storedBytes: kept?.storedBytes ?? null,
        };
      });
    },
  };
}
