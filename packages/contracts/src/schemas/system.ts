/** What an operator sees of the service. */
import { type Static, Type } from 'typebox';
import { closed, Nullable, Sha256, TaskName, TenantId, Timestamp, UserId } from './primitives.js';

const Resident = Type.Object(
  { tenantId: TenantId, task: TaskName, user: UserId, version: Type.Integer(), bytes: Type.Integer() },
  closed,
);
export const CacheState = Type.Object(
  {
    bytes: Type.Integer(),
    budgetBytes: Type.Integer(),
    entries: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
    loads: Type.Integer(),
    evictions: Type.Integer(),
    refusals: Type.Integer({
      description: 'Look-ups answered by a remembered refusal: damaged artifacts, or of another base',
    }),
    loadP50Ms: Nullable(Type.Number({ description: 'Of the latest 512 loads; null before the first' })),
    loadP99Ms: Nullable(Type.Number()),
    resident: Type.Array(Resident, { description: 'Hottest first, at most 100' }),
    coldest: Type.Array(Resident, {
      description: 'Coldest first, at most 100: what goes next where room is needed',
    }),
    tenants: Type.Array(
      Type.Object({ tenantId: TenantId, bytes: Type.Integer(), entries: Type.Integer() }, closed),
      { description: 'All that is in memory, by tenant' },
    ),
  },
  closed,
);
/** What one API process keeps in memory, as it told within the last seconds. */
export const ProcessCache = Type.Object(
  {
    process: Type.String({ description: 'Of the process, as long as it runs' }),
    bytes: Type.Integer(),
    budgetBytes: Type.Integer(),
    entries: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
    resident: Type.Array(Resident, { description: 'Hottest first, at most 100' }),
  },
  closed,
);
export const TrunkCacheState = Type.Object(
  {
    bytes: Type.Integer(),
    budgetBytes: Type.Integer(),
    entries: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
  },
  { ...closed, description: 'What the base’s lower layers made of recent texts' },
);
export const DiskTierState = Type.Object(
  { bytes: Type.Integer(), budgetBytes: Type.Integer(), hits: Type.Integer() },
  { ...closed, description: 'Artifacts kept on this machine’s disk' },
);
const TrunkCheck = Type.Object(
  {
    texts: Type.Integer({ description: 'How many sample texts both trunks were run on' }),
    featureCosine: Type.Object({ least: Type.Number(), mean: Type.Number() }, closed),
    hiddenError: Type.Object({ largest: Type.Number(), mean: Type.Number() }, closed),
    allowed: Type.Object({ featureCosine: Type.Number(), hiddenError: Type.Number() }, closed),
  },
  {
    ...closed,
    description:
      'What registration found of an int8 trunk, null where it is float32: the cosine between a text’s features by it and in float32, the relative error of hidden states at the cut, and the bounds past which it would have been refused',
  },
);
const SelfCheck = Type.Object(
  {
    directions: Type.Integer({
      description: 'How many slopes of the loss were measured, and held against the derived gradient',
    }),
    worst: Type.Number({ description: 'The largest difference, in parts of what is allowed' }),
    halves: Type.Optional(
      Type.Object(
        { error: Type.Number(), allowed: Type.Number() },
        {
          ...closed,
          description:
            'Of an exported file: the largest difference between its answers and those of trunk and top together, in parts of the largest number',
        },
      ),
    ),
  },
  {
    ...closed,
    description: 'What registration tried of the base; null where an earlier release registered it',
  },
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
        int8Trunk: Nullable(TrunkCheck),
        provider: Type.String(),
        providerFallback: Nullable(
          Type.String({ description: 'Why it is not the provider asked for; null when it is' }),
        ),
        selfCheck: Nullable(SelfCheck),
      },
      closed,
    ),
    threads: Type.Integer(),
    cache: CacheState,
    trunkCache: TrunkCacheState,
    diskTier: Nullable(DiskTierState),
    queue: Type.Object(
      { waiting: Type.Integer(), active: Type.Integer(), delayed: Type.Integer(), failed: Type.Integer() },
      closed,
    ),
    workers: Type.Integer(),
  },
  closed,
);

export type ProcessCache = Static<typeof ProcessCache>;
export type CacheState = Static<typeof CacheState>;
export type SystemState = Static<typeof SystemState>;
