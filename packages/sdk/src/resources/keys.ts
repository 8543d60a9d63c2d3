import type { Key, KeyCreate, KeyCreated, Page } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** API keys; needs scope `admin`. */
export interface Keys {
  /** The answer holds the secret, which no later call shows again. */
  create(key: KeyCreate, options?: CallOptions): Promise<KeyCreated>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Key>;
  get(keyId: string, options?: CallOptions): Promise<Key>;
  /** Another key like this one, which works on for the overlap (a day unless said otherwise). */
  rotate(keyId: string, overlapSeconds?: number, options?: CallOptions): Promise<KeyCreated>;
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
    get: (keyId, options) => request({ method: 'GET', path: path`/v1/keys/${keyId}`, options }),
    rotate: (keyId, overlapSeconds, options) =>
      request({ method: 'POST', path: path`/v1/keys/${keyId}/rotate`, body: { overlapSeconds }, options }),
    delete: (keyId, options) => request({ method: 'DELETE', path: path`/v1/keys/${keyId}`, options }),
  };
}
