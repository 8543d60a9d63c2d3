/** Erasure of a user, and the receipt that proves it. */
import { type Static, Type } from 'typebox';
import { idPattern } from '../ids.js';
import { closed, JobId, KeyId, Sha256, TaskName, TenantId, Timestamp, UserId } from './primitives.js';

export const ErasureReceipt = Type.Object(
  {
    id: Type.String({ pattern: idPattern('erasure') }),
    tenantId: TenantId,
    user: UserId,
    tasks: Type.Array(TaskName, { description: 'The tasks in which the user was known' }),
    startedAt: Timestamp,
    erasedAt: Timestamp,
    by: KeyId,
    objects: Type.Array(Type.Object({ key: Type.String(), sha256: Sha256, bytes: Type.Integer() }, closed), {
      description: 'Every object removed from the store, with the hash of what it held',
    }),
    jobs: Type.Array(JobId, { description: 'Jobs whose records, events and queue entries were removed' }),
  },
  closed,
);
/** What is kept of an erasure: no name, not even a hash of it, which could be guessed; only what proves a receipt. */
export const ErasureProof = Type.Object(
  {
    id: Type.String({ pattern: idPattern('erasure') }),
    tenantId: TenantId,
    startedAt: Timestamp,
    erasedAt: Timestamp,
    by: KeyId,
    tasks: Type.Array(TaskName),
    objects: Type.Integer({ description: 'How many objects were removed' }),
    objectsSha256: Type.Array(Sha256, {
      description: 'Of what each of them held, in the order of the receipt',
    }),
    jobs: Type.Array(JobId),
    jwsSha256: { ...Sha256, description: 'SHA-256 of the signed receipt' },
  },
  closed,
);
export const Erasure = Type.Object(
  {
    receipt: ErasureReceipt,
    jws: Type.String({
      description:
        'The receipt signed: a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037), whose payload is `receipt` as JSON. `GET /v1/signing-key` has the public key.',
    }),
    stoppingJobs: Type.Array(JobId, {
      description:
        'Jobs that a worker had not yet let go of when this was answered. They can publish nothing any more; their queue entry goes when the worker stops.',
    }),
  },
  closed,
);
export const ErasureKept = Type.Object(
  {
    proof: ErasureProof,
    jws: Type.String({ description: 'The proof signed in the same way as a receipt' }),
  },
  closed,
);
/** A JSON Web Key (RFC 7517, RFC 8037). */
export const SigningKey = Type.Object(
  {
    kty: Type.Enum(['OKP']),
    crv: Type.Enum(['Ed25519']),
    x: Type.String({ description: 'The public key, base64url' }),
    kid: Type.String({ description: 'Named in the header of every JWS made with it' }),
    alg: Type.Enum(['EdDSA']),
    use: Type.Enum(['sig']),
  },
  closed,
);

export type ErasureReceipt = Static<typeof ErasureReceipt>;
export type ErasureProof = Static<typeof ErasureProof>;
export type ErasureKept = Static<typeof ErasureKept>;
export type Erasure = Static<typeof Erasure>;
export type SigningKey = Static<typeof SigningKey>;
