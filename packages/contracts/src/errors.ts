interface ProblemRow {
  status: number;
  title: string;
  retryable?: boolean;
}

/**
 * The error catalogue. A row is the whole definition of a problem: adding one is a row, never a branch.
 * `retryable` tells a queue whether the same work may succeed later; what a caller sent wrong never does.
 */
export const problems = {
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  malformed_ndjson: { status: 400, title: 'The body is not valid NDJSON' },
  invalid_request: { status: 400, title: 'The request does not match its schema' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  scope_missing: { status: 403, title: 'The API key lacks the scope for this' },
  route_not_found: { status: 404, title: 'There is no such route' },
  tenant_not_found: { status: 404, title: 'No such tenant' },
  key_not_found: { status: 404, title: 'No such key' },
  task_not_found: { status: 404, title: 'No such task' },
  user_not_found: { status: 404, title: 'No such user' },
  job_not_found: { status: 404, title: 'No such job' },
  version_not_found: { status: 404, title: 'No such model version' },
  webhook_not_found: { status: 404, title: 'No such webhook' },
  method_not_allowed: { status: 405, title: 'The route does not take this method' },
  task_changed: { status: 409, title: 'The task cannot change in this way' },
  job_finished: { status: 409, title: 'The job has already finished' },
  model_not_trained: { status: 409, title: 'This user has no trained model yet' },
  nothing_to_roll_back: { status: 409, title: 'There is no earlier version to go back to' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  label_wrong_kind: { status: 422, title: 'A label is of the wrong kind for the task' },
  label_not_allowed: { status: 422, title: 'A label is not one of the task’s labels' },
  input_empty: { status: 422, title: 'An input is empty' },
  input_too_long: { status: 422, title: 'An input is too long' },
  too_many_rows: { status: 422, title: 'Too many rows in one request' },
  too_few_examples: { status: 422, title: 'There are too few examples to train on' },
  webhook_url_refused: { status: 422, title: 'The webhook URL is not allowed' },
  quota_exceeded: { status: 429, title: 'A quota is used up' },
  overloaded: { status: 429, title: 'The service is busy', retryable: true },
  artifact_invalid: { status: 500, title: 'A stored model failed its integrity check' },
  base_mismatch: { status: 500, title: 'A stored model belongs to another base model' },
  training_failed: { status: 500, title: 'Training failed', retryable: true },
  internal: { status: 500, title: 'Something went wrong on our side', retryable: true },
  delivery_failed: { status: 502, title: 'A webhook endpoint did not accept an event', retryable: true },
  not_ready: { status: 503, title: 'The service is not ready', retryable: true },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof problems;

/** One fault inside a request. `path` is a JSON Pointer (RFC 6901) into the body, or `line 7` of an NDJSON body. */
export interface FieldError {
  path: string;
  message: string;
  code?: string;
}

export interface AppErrorOptions {
  errors?: FieldError[];
  /** Extra members of the problem document (RFC 9457 section 3.2), e.g. `{ missing: { like: 3 } }`. */
  extensions?: Record<string, unknown>;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * The one error class that crosses package boundaries. `detail` is public: it names the field and the remedy, and
 * never holds a secret, an input or a label. The cause stays private and is only logged.
 */
export class AppError extends Error {
  readonly errors: FieldError[];
  readonly extensions: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    options: AppErrorOptions = {},
  ) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.errors = options.errors ?? [];
    this.extensions = options.extensions ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return problems[this.code].status;
  }

  get retryable(): boolean {
    const row: ProblemRow = problems[this.code];
    return row.retryable === true;
  }
}
