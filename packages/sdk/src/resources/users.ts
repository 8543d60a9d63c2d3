import type { Erasure, SigningKey } from '@scion/contracts';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** Forgetting end users; needs scope `admin`. */
export interface Users {
  /**
   * Erases a user in every task, or in the one named. Keep the receipt: it is stored nowhere else. A repetition after
   * an answer that was lost rejects with `user_not_found`, which also says that nothing is left.
   */
  erase(user: string, options?: CallOptions & { task?: string | undefined }): Promise<Erasure>;
  /** The public key that verifies the receipts of this deployment; takes any key. */
  signingKey(options?: CallOptions): Promise<SigningKey>;
}

export function createUsers({ request }: Transport): Users {
  return {
    erase: (user, { task, ...options } = {}) =>
      request({
        method: 'DELETE',
        path: task === undefined ? path`/v1/users/${user}` : path`/v1/tasks/${task}/users/${user}`,
        options,
      }),
    signingKey: (options) => request({ method: 'GET', path: '/v1/signing-key', options }),
  };
}
