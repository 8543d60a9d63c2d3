import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** All addresses of a host name, by the system's resolver. Throws when there is none. */
export type Resolve = (hostname: string) => Promise<string[]>;

export const resolveBySystem: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: true })).map((entry) => entry.address);

/** A host has no address that a webhook may be sent to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

export interface AddressRules {
  resolve: Resolve;
  isAllowedAddress: (address: string) => boolean;
}

/**
 * The addresses that may be connected to for a URL's hostname. One refused address refuses the host: a name that is
 * public and private at once is a rebinding attempt or a mistake. Throws AddressRefused, or what the resolver throws.
 */
export async function resolveHost(hostname: string, rules: AddressRules): Promise<string[]> {
  // URL writes an IPv6 host in brackets, and any spelling of an IPv4 host (octal, hex, one number) in dotted form.
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(literal) ? [literal] : await rules.resolve(hostname);
  if (addresses.length === 0) throw new AddressRefused('the host has no address');
  if (!addresses.every(rules.isAllowedAddress)) {
    throw new AddressRefused('the host has an address that is not allowed');
  }
  return addresses;
}
