/** What an operator sees of the service. */
import { type Static, Type } from 'typebox';
import { closed, Sha256, TaskName, TenantId, Timestamp, UserId } from './primitives.js';

export const CacheState = Type.Object(
  {
    bytes: Type.Integer(),
    budgetBytes: Type.Integer(),
    entries: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
    loads: Type.Integer(),
    evictions: Type.Integer(),
    resident: Type.Array(
      Type.Object(
        { tenantId: TenantId, task: TaskName, user: UserId, version: Type.Integer(), bytes: Type.Integer() },
        closed,
      ),
      { description: 'Hottest first, at most 100' },
    ),
  },
  closed,
);
export const SystemState = Type.Object(
  {
    version: Type.String(),
    startedAt: Timestamp,
    base: Type.Object(
      {
        name: Type.String(),
        sha256: Sha256,
        hiddenSize: Type.Integer(),
        layers: Type.Integer(),
        provider: Type.String(),
      },
      closed,
    ),
    threads: Type.Integer(),
    cache: CacheState,
    queue: Type.Object(
      { waiting: Type.Integer(), active: Type.Integer(), delayed: Type.Integer(), failed: Type.Integer() },
      closed,
    ),
    workers: Type.Integer(),
  },
  closed,
);

export type CacheState = Static<typeof CacheState>;
export type SystemState = Static<typeof SystemState>;
