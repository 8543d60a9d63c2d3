interface ProblemRow {
  status: number;
  title: string;
  /** What the caller can do about it. Markdown in one line; docs/problems.md and `/problems/<code>` show it. */
  remedy: string;
  retryable?: boolean;
}

/**
 * The error catalogue. A row is the whole definition of a problem: adding one is a row, never a branch.
 * `retryable` tells a queue whether the same work may succeed later; what a caller sent wrong never does.
 */
export const problems = {
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    remedy:
      'Send one JSON value in UTF-8; `detail` says where it stops being that, as far as the parser knows.',
  },
  malformed_ndjson: {
    status: 400,
    title: 'The body is not valid NDJSON',
    remedy:
      'Send one JSON object a line in UTF-8. `errors` names the line; nothing of the request was stored.',
  },
  invalid_request: {
    status: 400,
    title: 'The request does not match its schema',
    remedy:
      '`errors` lists every fault: `path` is a JSON Pointer into the body, or `query/…`, `path/…`, `header/…`.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    remedy: 'Send `Authorization: Bearer scion_…` with a key that is neither deleted nor expired.',
  },
  scope_missing: {
    status: 403,
    title: 'The API key lacks the scope for this',
    remedy: 'Use a key with the scope that `detail` names, or create one with an admin key.',
  },
  csrf_refused: {
    status: 403,
    title: 'The call does not prove that it comes from the page that signed in',
    remedy:
      'A session changes things only with the header `Scion-Csrf` holding the `csrfToken` of `GET /v1/session`; reload the page.',
  },
  quota_users: {
    status: 403,
    title: 'The tenant has as many users as it may',
    remedy: 'Erase users who have left (`DELETE /v1/users/{user}`), or ask the operator for a larger quota.',
  },
  quota_examples: {
    status: 403,
    title: 'The user, or the tenant in all, has as many examples as it may',
    remedy:
      'Delete examples: of this user and task where `quota` is `examplesPerModel`, of anybody where it is `examples`; or ask the operator for a larger quota.',
  },
  quota_storage: {
    status: 403,
    title: 'The tenant stores as many bytes as it may',
    remedy:
      'Erase users, or lower `retention` of tasks and call `POST …/collect`; or ask the operator for a larger quota.',
  },
  route_not_found: {
    status: 404,
    title: 'There is no such route',
    remedy: 'Compare method and path with /docs. An empty name, `.` or `..` in a path makes it another path.',
  },
  tenant_not_found: {
    status: 404,
    title: 'No such tenant',
    remedy:
      'Check the id in the path or in `Scion-Tenant`. A tenant that your key may not see looks the same.',
  },
  key_not_found: {
    status: 404,
    title: 'No such key',
    remedy: 'Check the id; `GET /v1/keys` lists those that exist.',
  },
  task_not_found: {
    status: 404,
    title: 'No such task',
    remedy: 'Check the name, or create the task with `PUT /v1/tasks/{task}`.',
  },
  user_not_found: {
    status: 404,
    title: 'No such user',
    remedy:
      'Nothing is stored of this user for this task: send examples first, and check the spelling and the percent-encoding.',
  },
  job_not_found: {
    status: 404,
    title: 'No such job',
    remedy: 'Check the id; `GET /v1/jobs` lists those that exist.',
  },
  example_not_found: {
    status: 404,
    title: 'No such example',
    remedy: 'Check the id; `GET …/examples` lists those that exist. One that was deleted is gone.',
  },
  version_not_found: {
    status: 404,
    title: 'No such model version',
    remedy: '`GET …/versions` lists the versions that exist.',
  },
  webhook_not_found: {
    status: 404,
    title: 'No such webhook',
    remedy: 'Check the id; `GET /v1/webhooks` lists those that exist.',
  },
  erasure_not_found: {
    status: 404,
    title: 'No such erasure',
    remedy: 'Check the id; `GET /v1/erasures` lists those that have ended.',
  },
  delivery_not_found: {
    status: 404,
    title: 'No such delivery',
    remedy: 'Check the id; `GET …/deliveries` lists the attempts there were.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The route does not take this method',
    remedy: 'The `Allow` header lists the methods that the route takes.',
  },
  key_replaced: {
    status: 409,
    title: 'The key was rotated before',
    remedy: 'Rotate the key that took its place, which `GET /v1/keys` names as `replacedBy`.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'A call with this Idempotency-Key is still being answered',
    remedy:
      'Wait for `Retry-After` seconds and send it again: it then gets the answer of the first. Should that one have died, the key is free again within a minute.',
    retryable: true,
  },
  task_changed: {
    status: 409,
    title: 'The task cannot change in this way',
    remedy: 'Kind and modality are fixed for the life of a task: create another task.',
  },
  user_exists: {
    status: 409,
    title: 'The user is known already',
    remedy: 'Erase the user first, or import under another id with `as`.',
  },
  user_importing: {
    status: 409,
    title: 'The user is being imported',
    remedy:
      'Wait for `Retry-After` seconds and send it again. Should the import have died half-way, import the archive again, or erase the user (`DELETE /v1/users/{user}`); otherwise what it left is removed within a day or so, and the user is unknown again. Until then nothing of the user can be changed.',
    retryable: true,
  },
  job_finished: {
    status: 409,
    title: 'The job has already finished',
    remedy: 'Nothing is left to cancel; create another job to train again.',
  },
  job_not_failed: {
    status: 409,
    title: 'The job has not failed',
    remedy:
      'Only a failed job can be tried again; `POST /v1/jobs` trains anew whatever became of the last one.',
  },
  webhook_disabled: {
    status: 409,
    title: 'The webhook is disabled',
    remedy:
      'Enable it with `POST /v1/webhooks/{webhook}/enable`, then replay; a ping is sent to it as it is.',
  },
  model_not_trained: {
    status: 409,
    title: 'This user has no trained model yet',
    remedy: 'Send examples and create a job, or set the task’s `untrained` to `zero-shot`.',
  },
  nothing_to_roll_back: {
    status: 409,
    title: 'There is no earlier version to go back to',
    remedy: 'Name a version from `GET …/versions`, if there is one.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    remedy: 'Split the request; the limit is in `detail`.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The media type is not supported',
    remedy: 'Send `application/json`; examples may also come as `application/x-ndjson`.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another call',
    remedy: 'Make a new key for each call, and send the same body when you repeat one.',
  },
  label_wrong_kind: {
    status: 422,
    title: 'A label is of the wrong kind for the task',
    remedy:
      'The label of a classification task is a string, of a multilabel task an array of strings, of a regression a number from -1e30 to 1e30.',
  },
  label_not_allowed: {
    status: 422,
    title: 'A label is not one of the task’s labels',
    remedy: 'Use a label of the task’s `labels`, or put the task with a larger set.',
  },
  input_empty: {
    status: 422,
    title: 'An input is empty',
    remedy: 'Leave empty texts out; whitespace alone counts as empty.',
  },
  input_too_long: {
    status: 422,
    title: 'An input is too long',
    remedy: 'Shorten the text; the limit is in `detail`.',
  },
  too_many_rows: {
    status: 422,
    title: 'Too many rows in one request',
    remedy: 'Split the rows over several requests; the limit is in `detail`.',
  },
  too_few_examples: {
    status: 422,
    title: 'There are too few examples to train on',
    remedy: '`missing` says how many examples each label still needs, `missingLabels` how many more labels.',
  },
  archive_invalid: {
    status: 422,
    title: 'The archive cannot be imported',
    remedy:
      'Send the file as it was exported; it can be imported where the same base model and tasks of the same names and kinds are.',
  },
  webhook_url_refused: {
    status: 422,
    title: 'The webhook URL is not allowed',
    remedy: 'Use an https URL whose host has public addresses only, without user name, password or fragment.',
  },
  quota_jobs_per_day: {
    status: 429,
    title: 'The tenant has created as many jobs today as it may',
    remedy:
      'Wait for `Retry-After` seconds, until the next day in UTC; or ask the operator for a larger quota.',
  },
  quota_open_jobs: {
    status: 429,
    title: 'The tenant has as many jobs waiting and running as it may',
    remedy: 'Wait until some have ended, or cancel some; or ask the operator for a larger quota.',
  },
  quota_predict_rows: {
    status: 429,
    title: 'The tenant has predicted as many rows in the last minute as it may',
    remedy:
      'Wait for `Retry-After` seconds, or ask the operator for a larger quota. `RateLimit` tells what is left.',
  },
  quota_exceeded: {
    status: 429,
    title: 'A quota is used up',
    remedy: 'Wait for `Retry-After` seconds, or ask the operator for a larger quota.',
  },
  overloaded: {
    status: 429,
    title: 'The service is busy',
    remedy: 'Send the request again after `Retry-After` seconds, with growing pauses.',
    retryable: true,
  },
  artifact_invalid: {
    status: 500,
    title: 'A stored model failed its integrity check',
    remedy: 'Roll back or train again; the operator finds the reason in the log under `requestId`.',
  },
  base_mismatch: {
    status: 500,
    title: 'A stored model belongs to another base model',
    remedy: 'Train again on the present base; the operator finds the reason in the log under `requestId`.',
  },
  base_untrainable: {
    status: 500,
    title: 'The base model does not bear this training',
    remedy:
      'Train the head alone (`method: "head"`); the operator finds the report of the gradient’s check in the log under the job’s id.',
  },
  training_diverged: {
    status: 422,
    title: 'Training ended beyond the range of numbers',
    remedy:
      'Lower `adapterRate`, `headRate` or `alpha` in `training`, or leave them out: the defaults suit most tasks.',
  },
  training_failed: {
    status: 500,
    title: 'Training failed',
    remedy: 'Create the job again; if it fails again, give the operator its id.',
    retryable: true,
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    remedy: 'Send the request again later; if it fails again, give the operator the `requestId`.',
    retryable: true,
  },
  delivery_failed: {
    status: 502,
    title: 'A webhook endpoint did not accept an event',
    remedy: 'Make the endpoint answer 2xx within its timeout; the delivery log shows each attempt.',
    retryable: true,
  },
  not_ready: {
    status: 503,
    title: 'The service is not ready',
    remedy: 'Wait for `Retry-After` seconds; `checks` says which part is not ready.',
    retryable: true,
  },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof problems;

/**
 * One fault inside a request. `path` is a JSON Pointer (RFC 6901) into the body; `line 7` of an NDJSON body, with a
 * pointer into that line where one is meant (`line 7 /label`); or `query/limit`, `path/user`, `header/scion-tenant`.
 */
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
