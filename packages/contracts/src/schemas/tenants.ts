/** Tenants and API keys. */
import { type Static, Type } from 'typebox';
import { closed, KeyId, Nullable, TenantId, Timestamp } from './primitives.js';

export const Tenant = Type.Object({ id: TenantId, name: Type.String(), createdAt: Timestamp }, closed);
export const TenantCreate = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }, closed);

/** `admin` manages tasks, keys and webhooks; `train` sends examples and jobs; `predict` asks. None implies another. */
export const Scope = Type.Enum(['admin', 'train', 'predict']);
export const Key = Type.Object(
  {
    id: KeyId,
    tenantId: Nullable(TenantId),
    name: Type.String(),
    scopes: Type.Array(Scope),
    createdAt: Timestamp,
    expiresAt: Nullable(Timestamp),
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

export type Tenant = Static<typeof Tenant>;
export type TenantCreate = Static<typeof TenantCreate>;
export type Scope = Static<typeof Scope>;
export type Key = Static<typeof Key>;
export type KeyCreate = Static<typeof KeyCreate>;
export type KeyCreated = Static<typeof KeyCreated>;
