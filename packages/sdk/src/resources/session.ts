import type { Session } from '@scion/contracts';
import type { CallOptions, Transport } from '../transport.js';

/** A person in a browser, signed in by a cookie that the page itself cannot read. */
export interface Sessions {
  /** Exchanges the client's key for the cookie; a client made with the answer's `csrfToken` needs no key. */
  begin(options?: CallOptions): Promise<Session>;
  /** Who is signed in; rejects with `unauthenticated` when nobody is, or no longer. */
  get(options?: CallOptions): Promise<Session>;
  end(options?: CallOptions): Promise<void>;
}

export function createSessions({ request }: Transport): Sessions {
  const path = '/v1/session';
  return {
    begin: (options) => request({ method: 'POST', path, options }),
    get: (options) => request({ method: 'GET', path, options }),
    end: (options) => request({ method: 'DELETE', path, options }),
  };
}
