/** Who changed what. */
import { type Static, Type } from 'typebox';
import { idPattern } from '../ids.js';
import { closed, KeyId, Nullable, PageQuery, TenantId, TimeRange, Timestamp } from './primitives.js';

export const AuditEntry = Type.Object(
  {
    id: Type.String({ pattern: idPattern('audit') }),
    at: Timestamp,
    tenantId: Nullable(TenantId),
    by: KeyId,
    byName: Type.String({ description: 'Name of the key at that time' }),
    action: Type.String({ description: 'The `operationId` of the call', examples: ['deleteKey'] }),
    target: Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'What the path named. Never a user nor an example: the log outlives their erasure',
    }),
    status: Type.Integer({ description: 'HTTP status of the answer' }),
    requestId: Type.String(),
  },
  closed,
);
export const AuditQuery = Type.Object(
  {
    ...PageQuery.properties,
    action: Type.Optional(Type.String({ maxLength: 64, description: 'Only calls of this `operationId`' })),
    by: Type.Optional({ ...KeyId, description: 'Only calls made with this key' }),
    ...TimeRange,
  },
  closed,
);

export type AuditEntry = Static<typeof AuditEntry>;
export type AuditQuery = Static<typeof AuditQuery>;
