import type { Erasure, ErasureKept, ErasureProof, Page, SigningKey, UserImported } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** Forgetting end users; needs scope `admin`. */
export interface Users {
  /**
   * Erases a user in every task, or in the one named. Keep the receipt: it is stored nowhere else. A repetition after
   * an answer that was lost rejects with `user_not_found`, which also says that nothing is left; `erasures` has the proof.
   */
  erase(user: string, options?: CallOptions & { task?: string | undefined }): Promise<Erasure>;
  /** A user as one tar archive; `body` streams. */
  export(user: string, options?: CallOptions): Promise<Response>;
  /** Imports what `export` gave, into a tenant that does not know the user yet. All of it is stored, or nothing. */
  import(
    archive: Uint8Array | Blob,
    options?: CallOptions & { as?: string | undefined },
  ): Promise<UserImported>;
  /** What is kept of erasures, newest first: no names, but proof of what was removed, when, and by which key. */
  erasures(page?: PageOptions, options?: CallOptions): PagePromise<ErasureProof>;
  /** One of them, signed like a receipt. */
  erasure(erasureId: string, options?: CallOptions): Promise<ErasureKept>;
  /** The public key that verifies the receipts of this deployment; takes any key. */
  signingKey(options?: CallOptions): Promise<SigningKey>;
}

export function createUsers({ open, request }: Transport): Users {
  return {
    erase: (user, { task, ...options } = {}) =>
      request({
        method: 'DELETE',
        path: task === undefined ? path`/v1/users/${user}` : path`/v1/tasks/${task}/users/${user}`,
        options,
      }),
    export: (user, options) => open({ method: 'GET', path: path`/v1/users/${user}/export`, options }),
    import: (archive, { as, ...options } = {}) =>
      request({
        method: 'POST',
        path: '/v1/users/import',
        query: { as },
        bytes: archive,
        headers: { 'content-type': 'application/x-tar' },
        options,
      }),
    erasures: ({ cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<ErasureProof>>({
            method: 'GET',
            path: '/v1/erasures',
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    erasure: (erasureId, options) =>
      request({ method: 'GET', path: path`/v1/erasures/${erasureId}`, options }),
    signingKey: (options) => request({ method: 'GET', path: '/v1/signing-key', options }),
  };
}
