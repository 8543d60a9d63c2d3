import type { Key, KeyCreate, KeyCreated, Page } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** API keys; needs scope `admin`. */
export interface Keys {
  /** The answer holds the secret, which no later call shows again. */
  create(key: KeyCreate, options?: CallOptions): Promise<KeyCreated>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Key>;
  delete(keyId: string, options?: CallOptions): Promise<void>;
}

export function createKeys({ request }: Transport): Keys {
  return {
    create: (body, options) => request({ method: 'POST', path: '/v1/keys', body, options }),
    list: ({ cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Key>>({ method: 'GET', path: '/v1/keys', query: { cursor: from, limit }, options }),
        cursor,
      ),
    delete: (keyId, options) => request({ method: 'DELETE', path: path`/v1/keys/${keyId}`, options }),
  };
}
