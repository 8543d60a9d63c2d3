import type { Client } from '@scion/sdk';

/** The chosen tenant, and a client that speaks for it. */
export interface Scope {
  tenantId: string;
  client: Client;
}
