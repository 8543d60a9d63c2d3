import type {
  AliasEntry,
  Answer,
  Card,
  Collection,
  Compaction,
  Example,
  ExampleInput,
  ExamplesAppended,
  GateDecision,
  Job,
  JobEvent,
  JobFailure,
  JobPriority,
  JobStage,
  JobState,
  Model,
  ModelRef,
  ModelSummary,
  ModelsQuery,
  ModelVersion,
  Page,
  Task,
  TaskSpec,
  Training,
} from '@scion/contracts';
import type { Audits, Keys, Tenants, Usages } from './accounts.js';
import type { Events, Webhooks } from './announcements.js';
import type { PageRequest } from './page-request.js';
import type { Users } from './whole-users.js';

/** The names that find a job record without any index: what a queue payload carries. */
export interface JobRef extends ModelRef {
  jobId: string;
}

export interface Tasks {
  /**
   * Creates or changes a task. Throws task_changed when kind or modality would differ from what is stored.
   * `base` is the name of the base model the service runs on, to which the task moves: versions name their base by hash,
   * and those of another are refused.
   */
  put(
    tenantId: string,
    name: string,
    spec: Partial<TaskSpec>,
    options: { base: string },
  ): Promise<{ task: Task; created: boolean }>;
  /** Throws task_not_found. Served from a cache that is at most 1 s behind. */
  get(tenantId: string, name: string): Promise<Task>;
  list(tenantId: string, page?: PageRequest): Promise<Page<Task>>;
  /** Removes the task record; what its users stored stays under their own keys. Throws task_not_found. */
  delete(tenantId: string, name: string): Promise<void>;
}

export interface Examples {
  /**
   * Appends, idempotent by example id: an id stored with other content is replaced, with the same content it is a
   * duplicate and nothing is written. Throws task_not_found, and quota_exceeded past `limits.examplesPerModel`.
   * Stored whole or not at all.
   */
  append(ref: ModelRef, examples: ExampleInput[]): Promise<ExamplesAppended>;
  /** Oldest first. A row replaced while pages are read may come again, none is left out. Throws task_not_found. */
  list(ref: ModelRef, page?: PageRequest): Promise<Page<Example>>;
  /**
   * Takes an example back: it is no longer listed, counted or trained on. Its bytes stay in the segment it came in until
   * the next compaction. Throws task_not_found and example_not_found.
   */
  delete(ref: ModelRef, exampleId: string): Promise<void>;
  /**
   * Merges segments, if there are at least so many (2 when left out), and removes what was deleted or replaced from the
   * store. Order, times and ids stay; a page asked for with an older cursor may bring rows again. Throws task_not_found.
   */
  compact(ref: ModelRef, options?: { atLeast?: number }): Promise<Compaction>;
  /** Every example in the order stored, read as it is consumed, as of this call. Throws task_not_found. */
  export(ref: ModelRef): Promise<AsyncGenerator<Example>>;
  /**
   * Every example in the order stored, straight from the bucket, and the SHA-256 (hex) of their canonical form, which
   * depends on ids, inputs, labels and weights but not on order or time.
   */
  all(ref: ModelRef): Promise<{ examples: Example[]; dataSha256: string }>;
  count(ref: ModelRef): Promise<number>;
  /** Those that were stored or replaced after a moment. Reads no segment that is older. */
  countSince(ref: ModelRef, ms: number): Promise<number>;
  /** The labels of the first `limits.pageSize` examples; from a cache that hears of changes, and is at most 5 s behind. */
  firstLabels(ref: ModelRef): Promise<Answer[]>;
}

/** What `models.publish` needs encoded once it knows the version number. */
export interface EncodedVersion {
  card: Card;
  adapter: Uint8Array;
  /** Hex SHA-256 of `adapter`. */
  adapterSha256: string;
}

/** An entry of `live` with its number. */
export type AliasSwitch = AliasEntry & { seq: number };

export interface Models {
  /**
   * The models of a tenant, or of all (null), by task and user. A page may be short, since a filter on state or time
   * searches a bounded number of names; `nextCursor` alone says whether there is more.
   */
  list(tenantId: string | null, filter?: ModelsQuery): Promise<Page<ModelSummary>>;
  /** The users of a task by name alone, without a look at any of them. */
  users(tenantId: string, task: string, page?: PageRequest): Promise<Page<string>>;
  /** Throws task_not_found, and user_not_found when nothing of this user is stored for the task. */
  get(ref: ModelRef): Promise<Model>;
  /** Throws task_not_found, and user_not_found when nothing of this user is stored for the task. */
  require(ref: ModelRef): Promise<void>;
  /** Newest first. Throws task_not_found and user_not_found. */
  versions(ref: ModelRef, page?: PageRequest): Promise<Page<ModelVersion>>;
  /** Throws task_not_found and version_not_found. */
  version(ref: ModelRef, version: number): Promise<ModelVersion>;
  /** The bytes of a published version, unverified; undefined when there are none. */
  adapter(ref: ModelRef, version: number): Promise<Uint8Array | undefined>;
  /**
   * The live version, undefined when there is none. At most 1 s behind a switch made by another process (at once when
   * its message arrives), never behind one made by this process. Does not check that the task exists.
   */
  live(ref: ModelRef): Promise<ModelVersion | undefined>;
  /**
   * Publishes what `encode` returns under the next version number, adapter first, card last. A version whose card
   * names `jobId` and `method` is returned as it is, and `encode` is not called. Throws job_not_found for an erased job.
   */
  publish(
    ref: ModelRef,
    jobId: string,
    encode: (version: number) => EncodedVersion | Promise<EncodedVersion>,
    method?: Card['method'],
  ): Promise<ModelVersion>;
  /** Points `live` at a version on behalf of a job; once per job and version, however often it is called. Throws version_not_found. */
  promote(ref: ModelRef, version: number, jobId: string): Promise<AliasEntry>;
  /**
   * Points `live` at an earlier version, or at the one named. `by` is the id of the key that asks. Throws
   * model_not_trained, nothing_to_roll_back, version_not_found, task_not_found, user_not_found.
   */
  rollback(ref: ModelRef, options: { version?: number | undefined; by: string }): Promise<AliasSwitch>;
  /**
   * Points `live` at a version on behalf of a caller, whatever the gate said of it and also past a pin. Throws
   * version_not_found, task_not_found, user_not_found.
   */
  promoteTo(ref: ModelRef, version: number, by: string): Promise<AliasSwitch>;
  /**
   * A pinned version is never collected, and while it is live no job replaces it: `promote` then leaves `live` as it is.
   * Throws version_not_found, task_not_found.
   */
  setPinned(ref: ModelRef, version: number, pinned: boolean, by: string): Promise<ModelVersion>;
  /** What the next training may go on from, as `keepWarmStart` stored it; undefined when there is nothing. */
  warmStart(ref: ModelRef, version: number): Promise<Uint8Array | undefined>;
  /**
   * Stores what a job's training left beside the version that it made. Throws version_not_found where the version is not of that job,
   * job_not_found for an erased job, and overloaded where the lock was lost meanwhile.
   */
  keepWarmStart(ref: JobRef, version: number, bytes: Uint8Array): Promise<void>;
  /**
   * Removes the versions that the task's retention no longer keeps, never a live or pinned one, what publishing
   * left when it died, and the warm starts of versions that are not live. Throws task_not_found and user_not_found.
   */
  collect(ref: ModelRef): Promise<Collection>;
  /** Switches of `live`, newest first. */
  history(ref: ModelRef): Promise<AliasEntry[]>;
}

/** What a job's owner may rewrite while it runs. */
export interface JobPatch {
  state?: Extract<JobState, 'queued' | 'running'>;
  stage?: JobStage | null;
  progress?: number;
  attempts?: number;
  startedAt?: string;
  version?: number | null;
  gate?: GateDecision | null;
}

export interface JobOutcome {
  state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;
  version?: number | null;
  gate?: GateDecision | null;
  failure?: JobFailure | null;
  /** The whole event stream, kept beside the record. */
  events: JobEvent[];
}

export interface JobFilter extends PageRequest {
  task?: string | undefined;
  user?: string | undefined;
  state?: JobState | undefined;
  /** Only jobs created at this moment or later, before that one. */
  from?: string | undefined;
  to?: string | undefined;
}

export interface Jobs {
  /**
   * Records a queued job, or joins the one that is already queued for this model (`joined`). Enqueue the result in
   * both cases: enqueueing is idempotent, and heals a process that died between the two steps. Throws task_not_found.
   * A joined job keeps the priority it has.
   */
  create(
    ref: ModelRef,
    options?: {
      priority?: JobPriority | undefined;
      retryOf?: string | undefined;
      training?: Training | undefined;
      /** Called before a new job is made, not before one is joined; refuses it by throwing. */
      admit?: (() => Promise<void>) | undefined;
    },
  ): Promise<{ job: Job; joined: boolean }>;
  /** Throws job_not_found, also for a job of another tenant. Read from the bucket. */
  get(tenantId: string, jobId: string): Promise<Job>;
  /** The record found by its names alone, for workers. Throws job_not_found. */
  load(ref: JobRef): Promise<Job>;
  /** Newest first; of all tenants when `tenantId` is null. A page may be short, as with models. */
  list(tenantId: string | null, filter?: JobFilter): Promise<Page<Job>>;
  /** Rewrites an unfinished record; only its owner (the worker that runs it) may. Throws job_finished. */
  update(ref: JobRef, patch: JobPatch): Promise<Job>;
  /**
   * Ends a job: events object, then record, then index. The first outcome stands; a later call returns the record as
   * it is, so a repeated step is harmless. For a job that was removed from the queue the caller is the owner.
   */
  finish(ref: JobRef, outcome: JobOutcome): Promise<Job>;
  /** The events kept when the job ended; undefined while it has not. Throws job_not_found. */
  events(tenantId: string, jobId: string): Promise<JobEvent[] | undefined>;
  /** Marks durably that a job shall stop. Throws job_not_found, job_finished. Returns the record. */
  requestCancel(tenantId: string, jobId: string): Promise<Job>;
  /** Whether `requestCancel` was called: a worker asks before it starts and before it publishes. */
  cancelRequested(ref: JobRef): Promise<boolean>;
  /** Marks durably that a job shall pause. Throws job_not_found, job_finished. Returns the record as it was. */
  requestPause(tenantId: string, jobId: string): Promise<Job>;
  pauseRequested(ref: JobRef): Promise<boolean>;
  /**
   * Called by the owner of a job that has stopped: records it as paused, or as queued when it was resumed meanwhile.
   * Throws job_finished.
   */
  settlePause(ref: JobRef): Promise<Job>;
  /** Takes a pause back: a paused job is queued again. Throws job_not_found, job_finished. Enqueue the result. */
  resume(tenantId: string, jobId: string): Promise<Job>;
  /** What a job's training had come to when `keepCheckpoint` was called last. */
  checkpoint(ref: JobRef): Promise<Uint8Array | undefined>;
  /** Throws job_not_found for a job that was erased with its user. */
  keepCheckpoint(ref: JobRef, bytes: Uint8Array): Promise<void>;
  dropCheckpoint(ref: JobRef): Promise<void>;
  /** Every job that is queued or running, of all tenants: what to enqueue again after Redis was lost. */
  unfinished(): AsyncGenerator<Job>;
}

export interface RebuildReport {
  tenants: number;
  keys: number;
  tasks: number;
  models: number;
  jobs: number;
  unfinishedJobs: number;
  webhooks: number;
  deliveries: number;
  seconds: number;
}

/**
 * Everything durable. Each accessor takes the tenant whose key asked, and answers for another tenant's resource
 * exactly as for one that does not exist. While a user is being imported, or is left half imported, whatever would change
 * examples, versions or `live`, or make a job, throws user_importing.
 */
export interface Registry {
  tenants: Tenants;
  keys: Keys;
  tasks: Tasks;
  examples: Examples;
  models: Models;
  jobs: Jobs;
  webhooks: Webhooks;
  events: Events;
  users: Users;
  usage: Usages;
  audit: Audits;
  /** Drops every index and restores them from the bucket alone, then calls `onRebuilt`. */
  rebuild(): Promise<RebuildReport>;
  /** Rebuilds when Redis has lost the indexes. Returns whether it did. Reads of an index call it by themselves. */
  ensureIndexed(): Promise<boolean>;
  close(): Promise<void>;
}
