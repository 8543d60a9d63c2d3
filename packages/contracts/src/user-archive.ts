/** What an exported user consists of, and checks that believe nothing of it. */
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { AppError } from './errors.js';
import { Example } from './schemas/examples.js';
import { Job, JobEvent } from './schemas/jobs.js';
import { AliasEntry, Card } from './schemas/models.js';
import { closed, Sha256, TaskName, TenantId, Timestamp, UserId } from './schemas/primitives.js';

/** The first entry, `archive.json`. */
export const ArchiveHead = Type.Object(
  { format: Type.Enum(['scion-user/1']), tenantId: TenantId, user: UserId, exportedAt: Timestamp },
  closed,
);
/** The last entry, `manifest.json`: every other one, in order. */
export const ArchiveManifest = Type.Object(
  {
    entries: Type.Array(
      Type.Object({ path: Type.String(), bytes: Type.Integer({ minimum: 0 }), sha256: Sha256 }, closed),
    ),
  },
  closed,
);
export const ArchivedVersion = Type.Object(
  {
    card: Card,
    adapterSha256: Sha256,
    adapterBytes: Type.Integer({ minimum: 1 }),
    pinned: Type.Boolean(),
  },
  closed,
);
export const ArchivedSwitch = Type.Object({ ...AliasEntry.properties, adapterSha256: Sha256 }, closed);
export const UserImported = Type.Object(
  {
    user: UserId,
    tasks: Type.Array(
      Type.Object(
        {
          task: TaskName,
          examples: Type.Integer(),
          versions: Type.Integer(),
          live: Type.Union([Type.Integer(), Type.Null()]),
          jobs: Type.Integer(),
        },
        closed,
      ),
    ),
  },
  closed,
);

export type ArchiveHead = Static<typeof ArchiveHead>;
export type ArchiveManifest = Static<typeof ArchiveManifest>;
export type ArchivedVersion = Static<typeof ArchivedVersion>;
export type ArchivedSwitch = Static<typeof ArchivedSwitch>;
export type UserImported = Static<typeof UserImported>;

const checks = {
  head: Compile(ArchiveHead),
  manifest: Compile(ArchiveManifest),
  version: Compile(ArchivedVersion),
  switch: Compile(ArchivedSwitch),
  example: Compile(Example),
  job: Compile(Job),
  event: Compile(JobEvent),
} satisfies Record<string, { Check(value: unknown): boolean } | TSchema>;

interface Archived {
  head: ArchiveHead;
  manifest: ArchiveManifest;
  version: ArchivedVersion;
  switch: ArchivedSwitch;
  example: Example;
  job: Job;
  event: JobEvent;
}

/** Throws archive_invalid, which names the entry and never what it holds. */
export function parseArchived<K extends keyof Archived>(kind: K, text: string, where: string): Archived[K] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw archiveInvalid(`${where} is not JSON`);
  }
  if (!checks[kind].Check(value)) throw archiveInvalid(`${where} does not match the schema of its kind`);
  return value as Archived[K];
}

export const archiveInvalid = (what: string): AppError =>
  new AppError('archive_invalid', `The archive was refused: ${what}. Nothing of it was stored.`);
