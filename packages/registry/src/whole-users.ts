/** What is done to a user as a whole: erased, exported, imported. */
import type {
  Card,
  Erasure,
  ErasureKept,
  ErasureProof,
  ModelRef,
  Page,
  SigningKey,
  UserImported,
} from '@scion/contracts';
import type { PageRequest } from './page-request.js';

/** Who shall be forgotten: everywhere, or for one task. */
export interface ErasureRequest {
  tenantId: string;
  user: string;
  task?: string | undefined;
  /** Id of the key that asks. */
  by: string;
}

/** Checks an adapter against its card and former owner, and binds it to another one. Throws archive_invalid. */
export type Rebind = (
  adapter: Uint8Array,
  from: { owner: ModelRef; version: number; sha256: string },
  to: { owner: ModelRef; jobId: string },
) => { bytes: Uint8Array; sha256: string; card: Card };

export interface Users {
  /**
   * Removes everything of a user: objects, indexes, caches of every process. `forgetQueued` removes what the queue
   * holds of a model and of these jobs of it; it must be safe to repeat, and must not wait for a worker, since jobs cannot
   * end meanwhile. `announce` tells that the erasure ended, and may be called again for the same one. When this dies half-way, calling it again continues, and the receipt lists what both calls removed.
   * Throws user_not_found.
   */
  erase(
    request: ErasureRequest,
    forgetQueued: (ref: ModelRef, jobIds: string[]) => Promise<void>,
    announce?: (proof: ErasureProof) => Promise<unknown>,
  ): Promise<Omit<Erasure, 'stoppingJobs'>>;
  /** What is kept of erasures, newest first. */
  erasures(tenantId: string, page?: PageRequest): Promise<Page<ErasureProof>>;
  /** One of them, signed. Throws erasure_not_found. */
  erasure(tenantId: string, erasureId: string): Promise<ErasureKept>;
  /**
   * A user as one tar archive, read as it is consumed. `base` is the one the service runs on; versions of another are told
   * by its hash alone. Throws user_not_found.
   */
  export(
    tenantId: string,
    user: string,
    base: { name: string; sha256: string },
  ): Promise<AsyncGenerator<Uint8Array>>;
  /**
   * Stores an exported user, whole, under the name given or the one it had. Throws archive_invalid, user_exists and
   * task_not_found, and stores nothing then; when this dies half-way, nobody else writes for the user until calling it
   * again begins anew, `erase` removes the user or `collectImports` takes it back.
   */
  import(
    tenantId: string,
    archive: Uint8Array,
    rebind: Rebind,
    user?: string,
    /** Called when all is checked and nothing stored; refuses it by throwing. */
    admit?: (what: UserImported & { bytes: number }) => Promise<unknown>,
  ): Promise<UserImported>;
  /**
   * Removes what imports of all tenants left that died half-way over an hour ago. Returns how many there were. Rejects when
   * all were tried and one could not be taken back.
   */
  collectImports(): Promise<number>;
  /** The public key that receipts are verified with; made with the first call. */
  signingKey(): Promise<SigningKey>;
}
