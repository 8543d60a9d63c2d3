/** Ids, names and pages that several resources share. */
import { type Static, type TSchema, Type } from 'typebox';
import { idPattern } from '../ids.js';
import { limits } from '../limits.js';

/** An object that refuses members it does not know. */
export const closed = { additionalProperties: false } as const;
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds',
  examples: ['2026-11-23T20:15:00.000Z'],
});
export const TenantId = Type.String({ pattern: idPattern('tenant') });
export const KeyId = Type.String({ pattern: idPattern('key') });
export const JobId = Type.String({ pattern: idPattern('job') });
export const WebhookId = Type.String({ pattern: idPattern('webhook') });
export const TaskName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Lower-case letters, digits and hyphens; at most 63 characters',
  examples: ['inbox-triage'],
});
export const UserId = Type.String({
  minLength: 1,
  maxLength: limits.userBytes,
  description:
    'Your own id of the end user: any UTF-8 up to 256 bytes, except "." and ".."; percent-encode it in a path',
  examples: ['ada@example.com'],
});
export const Label = Type.String({ minLength: 1, maxLength: limits.labelChars });
export const TaskKind = Type.Enum(['classification', 'multilabel', 'regression']);
/** What a task has for each example: one label, any number of labels, or a number. */
export const Answer = Type.Union(
  [Label, Type.Array(Label, { maxItems: limits.labelsPerTask, uniqueItems: true }), Type.Number()],
  {
    description:
      'By the task’s kind: a label; for `multilabel` an array of labels, empty where none applies; for `regression` a number from -1e30 to 1e30',
  },
);
/**
 * One number for each label. Not `Type.Record`, whose pattern `^.*$` matches no label with a line break in it, so that
 * serializers would leave it out.
 */
export const ByLabel = (value: TSchema) =>
  Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: value });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });

export const Page = <T extends TSchema>(item: T) =>
  Type.Object({ data: Type.Array(item), nextCursor: Nullable(Type.String()) }, closed);
export const PageQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ maxLength: 2_048, description: '`nextCursor` of the page before' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSize, default: limits.pageSize })),
  },
  closed,
);

/** A stretch of time, for lists that take one. */
export const TimeRange = {
  from: Type.Optional({ ...Timestamp, description: 'Only what is from this moment or later' }),
  to: Type.Optional({ ...Timestamp, description: 'Only what is from before this moment' }),
};

/** A page of rows; `nextCursor` is null on the last one, and alone says so: a page may be short. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
}
/** The three names that make a model. */
export interface ModelRef {
  tenantId: string;
  task: string;
  user: string;
}

export type TaskKind = Static<typeof TaskKind>;
export type Answer = Static<typeof Answer>;
