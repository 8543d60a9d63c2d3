import { AppError, dayMs, dayOf, timestamp, Usage, UsageQuery } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getUsage(
  app: App,
  {
    registry,
    meter,
    quota,
    clock,
    settings,
  }: Pick<ApiDeps, 'registry' | 'meter' | 'quota' | 'clock' | 'settings'>,
): void {
  app.get(
    '/v1/usage',
    {
      config: { problems: [] },
      schema: {
        operationId: 'getUsage',
        tags: ['usage'],
        summary: 'What the tenant uses',
        description:
          'What is left of each quota, and what was used by day. Counts of the last minutes may still be on their way.',
        querystring: UsageQuery,
        response: { 200: Usage },
      },
    },
    async (request) => {
      const tenantId = tenantOf(request);
      const { to = dayOf(clock()) } = request.query;
      const { from = dayOf(Date.parse(to) - 30 * dayMs) } = request.query;
      if (from > to) {
        const errors = [{ path: 'query/from', message: 'must not lie after query/to' }];
        throw new AppError('invalid_request', '`from` must not lie after `to`.', { errors });
      }
      const [{ quotas = {} }, levels, predicted, live] = await Promise.all([
        registry.tenants.get(tenantId),
        registry.usage.levels(tenantId),
        quota.used(tenantId),
        liveOf(tenantId),
      ]);
      const used = { ...levels, examplesPerModel: null, predictRowsPerMinute: predicted };
      const defaults: typeof quotas = {
        examplesPerModel: settings.examplesPerModel,
        predictRowsPerMinute: quota.rowsPerMinute,
      };
      const names = [
        'users',
        'examples',
        'examplesPerModel',
        'storageBytes',
        'jobsPerDay',
        'openJobs',
        'predictRowsPerMinute',
      ] as const;
      return {
        ...{ tenantId, at: timestamp(clock) },
        quotas: names.map((name) => ({
          ...{ name, limit: quotas[name] ?? defaults[name] ?? null, used: used[name] },
        })),
        days: await registry.usage.days(tenantId, { from, to }, live),
      };
    },
  );

  /** What Redis has counted and the bucket may not have yet. */
  async function liveOf(tenantId: string) {
    const days = [dayOf(clock() - dayMs), dayOf(clock())];
    const counted = await Promise.all(days.map((day) => meter.usage(tenantId, day)));
    return counted.flatMap((one, at) => {
      if (!one) return [];
      const { epoch, ...counts } = one;
      return [{ day: days[at]!, epoch, counts }];
    });
  }
}
