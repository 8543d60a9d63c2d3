/** Training jobs, their gate and their events. */
import { type Static, Type } from 'typebox';
import {
  closed,
  JobId,
  Nullable,
  PageQuery,
  TaskName,
  TenantId,
  TimeRange,
  Timestamp,
  UserId,
} from './primitives.js';
import { Training } from './training.js';

export const JobState = Type.Enum(['queued', 'paused', 'running', 'succeeded', 'failed', 'cancelled']);
/** Of one tenant and between tenants: an interactive job counts a quarter of its time, so it mostly goes first. */
export const JobPriority = Type.Enum(['interactive', 'bulk'], {
  description:
    '`interactive` (the default) for what somebody waits for; `bulk` for what can wait: it gets a fifth of the workers while both are queued',
});
export const JobStage = Type.Enum(['head', 'adapter', 'evaluating', 'publishing']);
/** The first four of a classification or multilabel task, the last three of a regression. */
export const Metrics = Type.Object(
  {
    rows: Type.Integer({ description: 'Rows they were measured on' }),
    accuracy: Type.Optional(
      Type.Number({ description: 'Share of rows whose label, or whose every label, was right; 0 to 1' }),
    ),
    macroF1: Type.Optional(Type.Number({ description: 'Mean F1 over labels, 0 to 1' })),
    logLoss: Type.Optional(
      Type.Number({ description: 'Mean negative log-likelihood, nats; of several labels a row, their mean' }),
    ),
    calibrationError: Type.Optional(
      Type.Number({
        description: 'Expected |confidence − accuracy| over ten bins of confidence, 0 to 1',
      }),
    ),
    r2: Type.Optional(Type.Number({ description: 'Share of the variance that is explained, at most 1' })),
    mae: Type.Optional(Type.Number({ description: 'Mean absolute error, in the unit of the values' })),
    rmse: Type.Optional(Type.Number({ description: 'Root of the mean squared error, likewise' })),
  },
  closed,
);
/** How the gate judged a version: never on rows the judged model was trained on. */
export const GateDecision = Type.Object(
  {
    promoted: Type.Boolean(),
    reason: Type.String(),
    candidate: Metrics,
    majority: { ...Metrics, description: 'Always the commonest label, or the mean value' },
    head: Type.Optional(
      Nullable(
        Type.Object(
          { candidate: Metrics, head: Metrics },
          {
            ...closed,
            description: 'Of a version with adapters: it and a head alone, cross-validated on the same folds',
          },
        ),
      ),
    ),
    live: Nullable(
      Type.Object(
        { version: Type.Integer(), candidate: Metrics, live: Metrics },
        { ...closed, description: 'Both measured on the examples that came after the live version' },
      ),
    ),
  },
  closed,
);
export const JobFailure = Type.Object({ code: Type.String(), detail: Type.String() }, closed);
export const Job = Type.Object(
  {
    id: JobId,
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    priority: Type.Optional(JobPriority),
    training: Type.Optional({ ...Training, description: 'What it says goes before the task’s' }),
    retryOf: Type.Optional({ ...JobId, description: 'The failed job that this one tries again' }),
    state: JobState,
    stage: Nullable(JobStage),
    progress: Type.Number({ minimum: 0, maximum: 1 }),
    attempts: Type.Integer({
      description:
        'Runs that have begun, of workers that died too; not those that were paused or handed back',
    }),
    createdAt: Timestamp,
    startedAt: Nullable(Timestamp),
    finishedAt: Nullable(Timestamp),
    version: Nullable(Type.Integer({ description: 'The model version it published' })),
    gate: Nullable(GateDecision),
    failure: Nullable(JobFailure),
  },
  closed,
);
export const JobCreate = Type.Object(
  {
    task: TaskName,
    user: UserId,
    priority: Type.Optional(JobPriority),
    training: Type.Optional(Training),
  },
  closed,
);

export const JobsQuery = Type.Object(
  {
    ...PageQuery.properties,
    task: Type.Optional(TaskName),
    user: Type.Optional(UserId),
    state: Type.Optional(JobState),
    ...TimeRange,
  },
  closed,
);

/**
 * One line of a job's event stream. `seq` counts from 1 within a run; a job that is attempted anew starts over, in a run
 * of a higher number. The SSE event id is `<run>-<seq>`.
 */
export const JobEvent = Type.Object(
  {
    seq: Type.Integer({ minimum: 1 }),
    run: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Grows with each attempt; `seq` starts over with it' }),
    ),
    at: Timestamp,
    type: Type.Enum(['state', 'stage', 'metric']),
    state: Type.Optional(JobState),
    stage: Type.Optional(JobStage),
    progress: Type.Optional(Type.Number()),
    /** Of a metric: which fit it belongs to (`fold 1 of 5`, `final`), the optimizer step, and the objective there. */
    series: Type.Optional(Type.String()),
    step: Type.Optional(Type.Integer()),
    loss: Type.Optional(
      Type.Number({
        description:
          'Mean training loss: cross-entropy in nats, or half the squared error of values scaled to a variance of 1',
      }),
    ),
    validationLoss: Type.Optional(Type.Number({ description: 'The same on rows held out' })),
    validationScore: Type.Optional(
      Type.Number({ description: 'Of those rows: the share of right answers, or R²' }),
    ),
    examplesPerSecond: Type.Optional(Type.Number({ description: 'Rows trained on, of all fits together' })),
    etaSeconds: Type.Optional(Type.Number({ description: 'Until the stage ends, at this pace' })),
  },
  closed,
);

/** What a worker told of a job. */
export const JobLogLine = Type.Object(
  {
    at: Timestamp,
    level: Type.Enum(['debug', 'info', 'warn', 'error']),
    attempt: Type.Integer({ minimum: 1 }),
    message: Type.String({ description: 'Constant; what varies is in `fields`' }),
    fields: Type.Unsafe<Record<string, string | number | boolean>>({
      type: 'object',
      additionalProperties: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    }),
  },
  closed,
);

export type JobState = Static<typeof JobState>;
export type JobPriority = Static<typeof JobPriority>;
export type JobStage = Static<typeof JobStage>;
export type Metrics = Static<typeof Metrics>;
export type GateDecision = Static<typeof GateDecision>;
export type JobFailure = Static<typeof JobFailure>;
export type Job = Static<typeof Job>;
export type JobCreate = Static<typeof JobCreate>;
export type JobsQuery = Static<typeof JobsQuery>;
export type JobLogLine = Static<typeof JobLogLine>;
export type JobEvent = Static<typeof JobEvent>;
