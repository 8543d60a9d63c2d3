/** Tenants and API keys. */
import { type Static, Type } from 'typebox';
import { closed, KeyId, Nullable, TenantId, Timestamp } from './primitives.js';

/** What a tenant is given of the workers, while others want them too. */
const share = {
  weight: Type.Optional(
    Type.Number({
      minimum: 0.01,
      maximum: 1_000,
      default: 1,
      description: 'Its part of the training time is proportional to this',
    }),
  ),
  concurrentJobs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Jobs at once; left out, there is no such limit',
    }),
  ),
};
const quota = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description }));
/** The most that a tenant may have or do. Each is refused with a problem code of its own. */
export const Quotas = Type.Object(
  {
    users: quota('End users of whom anything is stored'),
    examples: quota('Examples of all its users and tasks together'),
    examplesPerModel: quota('Examples that one user keeps for one task'),
    storageBytes: quota(
      'Bytes of all objects stored of its users, as the bucket lists them: examples, versions, jobs and their events. Measured every six hours; between two measurements what is appended, published, collected, imported and erased is added up, so that compactions and job records show with the next one',
    ),
    jobsPerDay: quota('Training jobs created in a day (UTC)'),
    openJobs: quota('Training jobs that wait or run at once; `concurrentJobs` limits those that run'),
    predictRowsPerMinute: quota('Rows predicted in any 60 seconds'),
  },
  {
    ...closed,
    description: 'What is left out is limited by the deployment (examples, rows a minute) or not at all',
  },
);
export const Tenant = Type.Object(
  { id: TenantId, name: Type.String(), ...share, quotas: Type.Optional(Quotas), createdAt: Timestamp },
  closed,
);
export const TenantCreate = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 200 }), ...share, quotas: Type.Optional(Quotas) },
  closed,
);

/**
 * `admin` manages tasks, keys and webhooks; `train` sends examples and jobs; `predict` asks; `read` may look at all that
 * the others manage, and change nothing. None implies another.
 */
export const Scope = Type.Enum(['admin', 'train', 'predict', 'read']);
export const Key = Type.Object(
  {
    id: KeyId,
    tenantId: Nullable(TenantId),
    name: Type.String(),
    scopes: Type.Array(Scope),
    start: Type.String({
      description: 'How its secret begins, to tell keys apart',
      examples: ['scion_3kTz'],
    }),
    createdAt: Timestamp,
    expiresAt: Nullable(Timestamp),
    lastUsedAt: Nullable({
      ...Timestamp,
      description: 'To a minute; to an hour after a loss of Redis. Null: never used',
    }),
    replacedBy: Type.Optional({ ...KeyId, description: 'The key that took its place when it was rotated' }),
  },
  { ...closed, description: 'An API key without its secret. `tenantId` is null for an operator key.' },
);
export const KeyCreate = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Type.Array(Scope, { minItems: 1, uniqueItems: true }),
    expiresAt: Type.Optional(Timestamp),
  },
  closed,
);
export const KeyCreated = Type.Object(
  { ...Key.properties, secret: Type.String({ description: 'Shown this once; only its hash is kept' }) },
  closed,
);

export const KeyRotate = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 30 * 86_400,
        default: 86_400,
        description: 'The old key works for so long beside the new one',
      }),
    ),
  },
  closed,
);

export type Quotas = Static<typeof Quotas>;
export type Tenant = Static<typeof Tenant>;
export type TenantCreate = Static<typeof TenantCreate>;
export type Scope = Static<typeof Scope>;
export type Key = Static<typeof Key>;
export type KeyCreate = Static<typeof KeyCreate>;
export type KeyCreated = Static<typeof KeyCreated>;
