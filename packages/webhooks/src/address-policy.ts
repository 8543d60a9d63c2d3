import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Unicast addresses that answer only inside a cloud: Azure's platform endpoint is publicly numbered. */
const platformAddresses = new Set(['168.63.129.16']);

/**
 * Whether an IPv4 or IPv6 address is on the public internet: global unicast and nothing else. Loopback,
 * RFC 1918, link-local (cloud metadata), unique local, carrier-grade NAT, IPv4-mapped, NAT64 and tunnel ranges are not,
 * for what they reach depends on where the sender stands.
 */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js also takes short and octal forms, which different systems read differently.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast' || platformAddresses.has(parsed.toString())) return false;
  // ipaddr.js calls every unlisted IPv6 range unicast; only 2000::/3 is global unicast (RFC 4291 section 2.4).
  return parsed.kind() === 'ipv4' || (parsed.toByteArray()[0]! & 0xe0) === 0x20;
}
