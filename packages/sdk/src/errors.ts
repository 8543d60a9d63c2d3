import type { FieldError, Problem, ProblemCode } from '@scion/contracts';

/**
 * What a `ScionError` is about: the API's own problem codes, plus those of calls that got no problem document.
 * `network_error`: no answer came. `timeout`: none came within `timeoutMs`. `unexpected_response`: an answer that
 * is not Scion's (a proxy's error page, say). `webhook_invalid`: a delivery that does not verify. Open-ended, because a
 * newer API may send a code this SDK predates.
 */
export type ScionErrorCode =
  | ProblemCode
  | 'network_error'
  | 'timeout'
  | 'unexpected_response'
  | 'webhook_invalid'
  | (string & Record<never, never>);

export interface ScionErrorInit {
  code: ScionErrorCode;
  title: string;
  detail: string;
  status?: number;
  requestId?: string;
  errors?: FieldError[];
  extensions?: Record<string, unknown>;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** Every failure of a call, except an abort by the caller's own signal, which rejects with that signal's reason. */
export class ScionError extends Error {
  readonly code: ScionErrorCode;
  readonly title: string;
  readonly detail: string;
  /** HTTP status, undefined when no answer came. */
  readonly status: number | undefined;
  /** Quote it when asking the service's operator: it is in their log. */
  readonly requestId: string | undefined;
  readonly errors: FieldError[];
  /** Further members of the problem document, e.g. `missing` of `too_few_examples`. */
  readonly extensions: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  constructor(init: ScionErrorInit) {
    super(
      `${init.title}: ${init.detail} [${init.code}${init.requestId ? `, request ${init.requestId}` : ''}]`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.name = 'ScionError';
    this.code = init.code;
    this.title = init.title;
    this.detail = init.detail;
    this.status = init.status;
    this.requestId = init.requestId;
    this.errors = init.errors ?? [];
    this.extensions = init.extensions ?? {};
    this.retryAfterSeconds = init.retryAfterSeconds;
  }
}

/** Narrows a caught value, e.g. `if (isScionError(error, 'model_not_trained')) …`. */
export function isScionError(error: unknown, code?: ScionErrorCode): error is ScionError {
  return error instanceof ScionError && (code === undefined || error.code === code);
}

/** A call that is wrong however often it is sent, and never is. */
export function invalidCall(detail: string, cause?: unknown): ScionError {
  return new ScionError({
    ...{ code: 'invalid_request', title: 'The call cannot be sent', detail },
    ...(cause !== undefined && { cause }),
  });
}

const standardMembers = new Set([
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'code',
  'requestId',
  'errors',
]);

/** Turns a failed response's body into a typed error; anything but a problem document becomes `unexpected_response`. */
export function errorFromResponse(
  status: number,
  body: string,
  requestIdHeader: string | undefined,
  retryAfterSeconds: number | undefined,
): ScionError {
  const problem = parseProblem(body);
  if (!problem) {
    return new ScionError({
      code: 'unexpected_response',
      title: `HTTP ${status}`,
      detail: 'The answer is not a problem document; is the base URL that of a Scion API?',
      status,
      requestId: requestIdHeader,
      retryAfterSeconds,
    });
  }
  return new ScionError({
    code: problem.code,
    title: problem.title,
    detail: problem.detail,
    status,
    requestId: problem.requestId ?? requestIdHeader,
    errors: problem.errors ?? [],
    extensions: Object.fromEntries(Object.entries(problem).filter(([name]) => !standardMembers.has(name))),
    retryAfterSeconds,
  });
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return undefined;
    const { code, title, detail } = value as Partial<Problem>;
    if (typeof code !== 'string' || typeof title !== 'string' || typeof detail !== 'string') return undefined;
    return value as Problem;
  } catch {
    return undefined;
  }
}
