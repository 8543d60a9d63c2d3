/** What a tenant uses of the service, now and by day. */
import { type Static, Type } from 'typebox';
import { closed, Nullable, TenantId, Timestamp } from './primitives.js';
import { Quotas } from './tenants.js';

const Day = Type.String({ format: 'date', description: 'A day in UTC', examples: ['2026-11-23'] });

export const UsageQuery = Type.Object(
  {
    from: Type.Optional({ ...Day, description: 'First day; 30 days before the last when left out' }),
    to: Type.Optional({ ...Day, description: 'Last day; today when left out' }),
  },
  closed,
);
export const UsageDay = Type.Object(
  {
    day: Day,
    predictRows: Type.Integer({ description: 'Rows predicted' }),
    trainingSeconds: Type.Number({ description: 'Seconds that workers trained, retries included' }),
    cacheByteHours: Type.Number({ description: 'Bytes of adapters kept in memory, times hours' }),
    storedBytes: Nullable(
      Type.Integer({
        description:
          'Bytes of the objects stored of its users, as last measured on that day; null: not measured',
      }),
    ),
  },
  closed,
);
export const Usage = Type.Object(
  {
    tenantId: TenantId,
    at: Timestamp,
    quotas: Type.Array(
      Type.Object(
        {
          name: Type.Enum(Object.keys(Quotas.properties) as (keyof Quotas)[]),
          limit: Nullable(Type.Integer({ description: 'Null: no limit' })),
          used: Nullable(
            Type.Integer({
              description:
                'Now. Null for examplesPerModel, which each model has its own of, and for examples without a limit, which are not counted then',
            }),
          ),
        },
        closed,
      ),
    ),
    days: Type.Array(UsageDay, { description: 'Newest first; days without any use are left out' }),
  },
  closed,
);

export type UsageQuery = Static<typeof UsageQuery>;
export type UsageDay = Static<typeof UsageDay>;
export type Usage = Static<typeof Usage>;
