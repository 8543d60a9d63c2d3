import { isIPv6, type LookupFunction } from 'node:net';
import { Client, errors } from 'undici';
import { addressRules, parseWebhookUrl, type UrlRules } from './check-url.js';
import { AddressRefused, resolveHost } from './resolve-host.js';

export interface OutgoingRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  signal?: AbortSignal | undefined;
}

/** Why no HTTP status came back. These words are what the delivery log shows. */
export type SendFailure =
  | 'url_refused'
  | 'address_refused'
  | 'host_not_found'
  | 'timeout'
  | 'connection_failed'
  | 'tls_failed'
  | 'response_invalid'
  | 'aborted';

export type SendResult = { status: number; error: null } | { status: null; error: SendFailure };

/** Posts one request. Reports what happened and never throws. */
export type Send = (request: OutgoingRequest) => Promise<SendResult>;

export interface SendOptions extends UrlRules {
  /** For name resolution, connection, request and answer together. Default 10 s. */
  timeoutMs?: number;
  /** How much of an answer's body is read before the connection is cut; the body is never kept. Default 64 KiB. */
  maxResponseBytes?: number;
}

/**
 * Makes a sender for addresses that strangers choose (server-side request forgery). The name is resolved once, every
 * address is checked, and the connection is made to exactly those addresses: a second answer of the resolver is never
 * asked for. Redirects are not followed, proxies of the environment are not used, and each request has a connection
 * of its own, so that none is reused for another host.
 */
export function createSend(options: SendOptions): Send {
  const rules = addressRules(options);
  const { timeoutMs = 10_000, maxResponseBytes = 64 * 1024 } = options;

  return async ({ url, headers, body, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    let client: Client | undefined;
    try {
      const target = parseWebhookUrl(url, options);
      const addresses = await unlessAborted(resolveHost(target.hostname, rules), either);
      client = new Client(target.origin, {
        connect: { lookup: pinned(addresses), timeout: timeoutMs },
        maxHeaderSize: 16 * 1024,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const response = await client.request({
        method: 'POST',
        path: `${target.pathname}${target.search}`,
        headers,
        body,
        signal: either,
      });
      // The status has decided. The body is read, within bounds, only so that a polite receiver can end its answer.
      await response.body.dump({ limit: maxResponseBytes, signal: either }).catch(() => undefined);
      return { status: response.statusCode, error: null };
    } catch (error) {
      return { status: null, error: signal?.aborted ? 'aborted' : nameFailure(error, timeout.aborted) };
    } finally {
      await client?.destroy();
    }
  };
}

/** A resolver that knows one answer. */
function pinned(addresses: string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_hostname, { all }, callback) => {
    if (all) callback(null, entries);
    else callback(null, entries[0]!.address, entries[0]!.family);
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, fail) => {
    const abort = () => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(done, fail).finally(() => signal.removeEventListener('abort', abort));
  });
}

function nameFailure(error: unknown, timedOut: boolean): SendFailure {
  if (timedOut) return 'timeout';
  if (error instanceof AddressRefused) return 'address_refused';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'webhook_url_refused') return 'url_refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return 'host_not_found';
  if (
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  ) {
    return 'timeout';
  }
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return 'response_invalid';
  }
  // OpenSSL and Node name certificate faults in capitals: ERR_TLS_…, ERR_SSL_…, CERT_…, …_CERT, UNABLE_TO_VERIFY_…
  return /TLS|SSL|CERT|VERIFY/.test(code) ? 'tls_failed' : 'connection_failed';
}
