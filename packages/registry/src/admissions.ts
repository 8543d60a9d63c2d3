import { AppError, type Clock, dayMs, type ProblemCode, type Quotas } from '@scion/contracts';
import type { QuotaLevel, Tenants, Usages } from './accounts.js';
import { escapeSegment } from './escape.js';
import { type Indexes, indexNames } from './indexes.js';

/** What a tenant has now of what a quota limits. */
type Count = (tenantId: string) => Promise<number>;

type Admissions = Pick<Usages, 'admitUser' | 'admitExamples' | 'admitBytes' | 'admitJob'>;

/** Holds what a call would add against the tenant's quotas. Calls at once may together go beyond one by a call's worth. */
export function createAdmissions(
  { tenants, indexes, clock }: { tenants: Pick<Tenants, 'get'>; indexes: Indexes; clock: Clock },
  counts: Record<'storedBytes' | 'examples' | 'jobsToday' | 'openJobs', Count>,
): Admissions {
  const untilTomorrow = (): number => (dayMs - (clock() % dayMs)) / 1_000;

  async function limitOf(tenantId: string, quota: keyof Quotas): Promise<number | undefined> {
    return (await tenants.get(tenantId)).quotas?.[quota];
  }

  return {
    async admitUser({ tenantId, user }) {
      const limit = await limitOf(tenantId, 'users');
      if (limit === undefined) return [];
      const name = indexNames.users(tenantId);
      const [known] = await indexes.contains(name, [escapeSegment(user)]);
      const used = await indexes.size(name);
      if (known) return [{ quota: 'users', limit, remaining: Math.max(0, limit - used) }];
      if (used < limit) return [{ quota: 'users', limit, remaining: limit - used - 1 }];
      throw refusal('quota_users', `The tenant may have ${limit} users, and has them.`, {
        ...{ quota: 'users', limit, remaining: 0 },
      });
    },
    async admitExamples(tenantId, atMost, exactly = async () => atMost) {
      const limit = await limitOf(tenantId, 'examples');
      if (limit === undefined) return [];
      const remaining = Math.max(0, limit - (await counts.examples(tenantId)));
      const added = atMost <= remaining ? atMost : await exactly();
      if (added === 0 || added <= remaining)
        return [{ quota: 'examples', limit, remaining: remaining - added }];
      throw refusal(
        'quota_examples',
        `The tenant may keep ${limit} examples in all; there is room for ${remaining}.`,
        { quota: 'examples', limit, remaining },
      );
    },
    async admitBytes(tenantId, bytes) {
      const limit = await limitOf(tenantId, 'storageBytes');
      if (limit === undefined) return [];
      const used = await counts.storedBytes(tenantId);
      if (used + bytes <= limit) return [{ quota: 'storageBytes', limit, remaining: limit - used - bytes }];
      throw refusal('quota_storage', `The tenant may store ${limit} bytes, and stores ${used}.`, {
        ...{ quota: 'storageBytes', limit, remaining: Math.max(0, limit - used) },
      });
    },
    async admitJob(tenantId) {
      const levels: QuotaLevel[] = [];
      const open = await limitOf(tenantId, 'openJobs');
      if (open !== undefined) {
        const level: QuotaLevel = {
          ...{ quota: 'openJobs', limit: open },
          remaining: open - (await counts.openJobs(tenantId)) - 1,
        };
        if (level.remaining < 0) {
          throw refusal('quota_open_jobs', `The tenant may have ${open} jobs open at once.`, level);
        }
        levels.push(level);
      }
      const daily = await limitOf(tenantId, 'jobsPerDay');
      if (daily !== undefined) {
        const level: QuotaLevel = {
          ...{ quota: 'jobsPerDay', limit: daily, resetSeconds: untilTomorrow() },
          remaining: daily - (await counts.jobsToday(tenantId)) - 1,
        };
        if (level.remaining < 0) {
          throw refusal('quota_jobs_per_day', `The tenant may create ${daily} jobs a day (UTC).`, level);
        }
        levels.push(level);
      }
      return levels;
    },
  };
}

function refusal(code: ProblemCode, detail: string, level: QuotaLevel): AppError {
  const { quota, limit, remaining, resetSeconds } = level;
  return new AppError(code, detail, {
    extensions: { quota, limit, remaining: Math.max(0, remaining) },
    ...(resetSeconds !== undefined && { retryAfterSeconds: resetSeconds }),
  });
}
