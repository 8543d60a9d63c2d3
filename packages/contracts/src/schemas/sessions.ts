/** Sessions of people in a browser. */
import { type Static, Type } from 'typebox';
import { closed, KeyId, Nullable, Timestamp } from './primitives.js';
import { Scope, Tenant } from './tenants.js';

export const Session = Type.Object(
  {
    keyId: KeyId,
    keyName: Type.String(),
    scopes: Type.Array(Scope),
    tenant: Nullable(Tenant),
    expiresAt: Timestamp,
    csrfToken: Type.String({
      description:
        'Sent back as `Scion-Csrf` with every call that changes something: another site’s page cannot know it',
    }),
  },
  { ...closed, description: 'Who is signed in. `tenant` is null for an operator.' },
);

export type Session = Static<typeof Session>;
