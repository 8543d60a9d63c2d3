import { errorFromResponse, invalidCall, ScionError } from './errors.js';
import { randomId } from './ids.js';
import { parseJson, toJson } from './json.js';
import { hasLostSegment, queryString } from './path.js';
import { isRetryableStatus, longestRetryAfterSeconds, parseRetryAfter, retryDelayMs } from './retry.js';

/** Timers hold 31 bits and fire at once beyond: what is longer, 24 days, is no limit. */
const longestTimerMs = 2 ** 31 - 1;

/** What every call takes besides its own arguments. */
export interface CallOptions {
  /** Aborts the call, its retries included; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds one attempt may take, `Infinity` for no limit; default: the client's. */
  timeoutMs?: number | undefined;
  /** Attempts after the first; default: the client's. */
  maxRetries?: number | undefined;
  /**
   * Of a POST: calls with the same key have their effect once. Default: a new key for each call, kept through its
   * retries; give one of your own (an order number, say) where your process may die and call again.
   */
  idempotencyKey?: string | undefined;
}

/** One call before it is sent. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in the place of a body; its type is a header. */
  bytes?: Uint8Array | Blob;
  headers?: Record<string, string>;
  /**
   * Whether doing it twice equals doing it once. GET, PUT and DELETE are; a POST says so, and needs no idempotency key
   * then.
   */
  idempotent?: boolean;
  options?: CallOptions | undefined;
}

export interface TransportConfig {
  baseUrl: string;
  apiKey: string | undefined;
  csrfToken: string | undefined;
  tenant: string | undefined;
  fetch: typeof globalThis.fetch;
  maxRetries: number;
  timeoutMs: number;
  clock: () => number;
  random: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export interface Transport {
  readonly config: TransportConfig;
  /** Sends a call and reads its JSON answer; `undefined` for 204. */
  request<T>(call: Call): Promise<T>;
  /** Sends a call and returns the response as soon as its headers are there; retries like `request`. */
  open(call: Call): Promise<Response>;
  /**
   * Sends a call and yields what `read` makes of the response, as it comes. Whatever breaks the response off rejects with
   * `network_error`, and nothing is sent again.
   */
  stream<T>(call: Call, read: (response: Response) => AsyncIterable<T>): AsyncGenerator<T, void>;
}

/** What becomes of a call, the same for each attempt. */
interface Prepared {
  url: string;
  method: Call['method'];
  headers: Record<string, string>;
  body: RequestInit['body'];
}

/** Which option a header's value is of. */
const optionOfHeader: Record<string, string> = {
  authorization: 'apiKey',
  'scion-csrf': 'csrfToken',
  'scion-tenant': 'tenant',
  'idempotency-key': 'idempotencyKey',
};

/** Sends calls with authorization, timeout and retries; knows nothing of what they mean. */
export function createTransport(config: TransportConfig): Transport {
  const base = config.baseUrl.replace(/\/+$/, '');
  const canFetch = isFetchable(base);

  async function attempt<T>(
    { options }: Call,
    { url, ...prepared }: Prepared,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { signal, timeoutMs = config.timeoutMs } = options ?? {};
    const { controller, unlink } = linked(signal);
    const onTimeout = () =>
      controller.abort(
        new ScionError({
          code: 'timeout',
          title: 'No answer in time',
          detail: `None came within ${timeoutMs} ms; raise timeoutMs or look at the service's load.`,
        }),
      );
    const timer = timeoutMs > longestTimerMs ? undefined : setTimeout(onTimeout, timeoutMs);
    let kept = false;
    try {
      const response = await config.fetch(url, {
        ...prepared,
        signal: controller.signal,
        // A redirect to another origin would drop or leak the key; the API never redirects.
        redirect: 'error',
      });
      if (!response.ok) {
        const retryAfter = parseRetryAfter(response.headers.get('retry-after'), config.clock());
        const requestId = response.headers.get('x-request-id') ?? undefined;
        throw errorFromResponse(response.status, await response.text(), requestId, retryAfter);
      }
      const value = await read(response);
      kept = value === response;
      return value;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof ScionError) throw error;
      // fetch rejects with the controller's reason in some runtimes, and with its own AbortError in others.
      if (controller.signal.aborted) throw controller.signal.reason;
      throw new ScionError({
        code: 'network_error',
        title: 'No answer',
        detail: `The connection to ${base} failed; is the service up and reachable?`,
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      // A response handed out is still being read: its caller's signal must go on reaching it.
      if (!kept) unlink();
    }
  }

  /** Throws what no repetition would make right. */
  function prepare(call: Call): Prepared {
    if (!canFetch)
      throw invalidCall(
        'baseUrl is no address to fetch from: give a whole one, such as https://scion.example.com, without a user.',
      );
    if (hasLostSegment(call.path))
      throw invalidCall(
        'A name or id is empty, "." or "..", or has half a surrogate pair; give another one.',
      );
    const headers = headersOf(call);
    // Without a cause: the runtime's error may quote the value, a key.
    for (const [name, option] of Object.entries(optionOfHeader))
      if (!isHeader(name, headers[name]))
        throw invalidCall(`${option} has a character that no header can carry; give printable ASCII.`);
    const json = call.body === undefined ? null : toJson(call.body);
    return {
      ...{ url: `${base}${call.path}${queryString(call.query)}`, method: call.method, headers },
      body: (call.bytes as RequestInit['body'] | undefined) ?? json,
    };
  }

  function headersOf(call: Call): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (config.apiKey !== undefined) headers.authorization = `Bearer ${config.apiKey}`;
    if (config.csrfToken !== undefined && call.method !== 'GET') headers['scion-csrf'] = config.csrfToken;
    if (config.tenant !== undefined) headers['scion-tenant'] = config.tenant;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (call.method === 'POST') {
      const key = call.options?.idempotencyKey ?? (call.idempotent ? undefined : randomId());
      if (key !== undefined) headers['idempotency-key'] = key;
    }
    return { ...headers, ...call.headers };
  }

  async function send<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const maxRetries = call.options?.maxRetries ?? config.maxRetries;
    const prepared = prepare(call);
    for (let retry = 0; ; retry += 1) {
      try {
        return await attempt(call, prepared, read);
      } catch (error) {
        if (retry >= maxRetries || !mayRetry(error)) throw error;
        const waitMs = retryDelayMs(retry, error.retryAfterSeconds, config.random());
        await config.sleep(waitMs, call.options?.signal);
      }
    }
  }

  const open = (call: Call) => send(call, async (response) => response);

  return {
    config,
    request: (call) => send(call, readJson) as Promise<never>,
    open,
    async *stream(call, read) {
      const signal = call.options?.signal;
      // Of the call's own, so that nothing of a stream that ended stays with a signal that lives on.
      const { controller, unlink } = linked(signal);
      try {
        const response = await open({ ...call, options: { ...call.options, signal: controller.signal } });
        yield* read(response);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (error instanceof ScionError) throw error;
        throw new ScionError({
          code: 'network_error',
          title: 'The answer broke off',
          detail: `The connection to ${base} ended before the answer did; begin again.`,
          cause: error,
        });
      } finally {
        unlink();
      }
    },
  };
}

/** A controller that aborts with a signal, until it is unlinked. */
function linked(signal: AbortSignal | undefined): { controller: AbortController; unlink(): void } {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return { controller, unlink: () => signal?.removeEventListener('abort', onAbort) };
}

/** As this runtime sees it: where a page has an address, it completes ours. */
function isFetchable(url: string): boolean {
  try {
    return /^https?:/.test(new Request(url).url);
  } catch {
    return false;
  }
}

function isHeader(name: string, value: string | undefined): boolean {
  try {
    return value === undefined || new Headers([[name, value]]).has(name);
  } catch {
    return false;
  }
}

/** Every call may be repeated: it is the same done twice, or carries a key by which the service knows it again. */
function mayRetry(error: unknown): error is ScionError {
  if (!(error instanceof ScionError)) return false;
  if ((error.retryAfterSeconds ?? 0) > longestRetryAfterSeconds) return false;
  // The first try is still under way: its answer comes with a later one.
  if (error.code === 'idempotency_in_progress') return true;
  return error.status === undefined || isRetryableStatus(error.status);
}

async function readJson(response: Response): Promise<unknown> {
  return response.status === 204 ? undefined : parseJson(await response.text(), response);
}
