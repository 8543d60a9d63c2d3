import { AppError } from '@scion/contracts';
import { isPublicAddress } from './address-policy.js';
import { type AddressRules, resolveBySystem, resolveHost } from './resolve-host.js';

/** Rules of one deployment for where webhooks may point. */
export interface UrlRules {
  /** Also allows plain http. For tests and for installations whose receivers are on the same private network. */
  allowPrivateAddresses: boolean;
  resolve?: AddressRules['resolve'];
  /** Left out: public addresses, and every address where private ones are allowed. */
  isAllowedAddress?: AddressRules['isAllowedAddress'];
}

export function addressRules({ resolve, isAllowedAddress, allowPrivateAddresses }: UrlRules): AddressRules {
  return {
    resolve: resolve ?? resolveBySystem,
    isAllowedAddress: isAllowedAddress ?? (allowPrivateAddresses ? () => true : isPublicAddress),
  };
}

const refuse = (detail: string): never => {
  throw new AppError('webhook_url_refused', detail);
};

/** What can be said of a URL without asking the network. Throws webhook_url_refused. */
export function parseWebhookUrl(url: string, { allowPrivateAddresses }: UrlRules): URL {
  const parsed = URL.canParse(url) ? new URL(url) : refuse('url is not an absolute URL');
  if (parsed.protocol !== 'https:' && !(allowPrivateAddresses && parsed.protocol === 'http:')) {
    refuse('url must start with https://');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    refuse('url must not hold a user name or password; verify the signature instead');
  }
  if (parsed.hash !== '') refuse('url must not hold a fragment');
  return parsed;
}

/**
 * Checks a URL when a webhook is created; sending checks again, because what a name resolves to may change. A name
 * that does not resolve and one that resolves to a private address get the same answer, so that nobody can map an
 * internal network with it. Throws webhook_url_refused.
 */
export async function checkWebhookUrl(url: string, rules: UrlRules): Promise<void> {
  const { hostname } = parseWebhookUrl(url, rules);
  if (rules.allowPrivateAddresses) return;
  try {
    await resolveHost(hostname, addressRules(rules));
  } catch (cause) {
    throw new AppError('webhook_url_refused', 'url must name a host with public addresses only', { cause });
  }
}
