import type { Client } from '@scion/sdk';

/** The tenant that a page is about, and a client that speaks for it. */
export interface Scope {
  tenantId: string;
  client: Client;
}

/** The same for a list, which may be of all tenants. */
export interface ListScope {
  tenantId: string | undefined;
  client: Client;
  /** Names by id, of as many tenants as are known. */
  names: ReadonlyMap<string, string>;
}
