import { AppError, type Job, type JobState, limits, type ModelRef } from '@scion/contracts';
import type { ChainableCommander, Redis } from 'ioredis';
import { escapeSegment, unescapeSegment } from './escape.js';
import type { PageRequest } from './page-request.js';

/** Everything under this prefix can be dropped and restored from the bucket. */
export const indexPrefix = '{scion}:ix:';

export const modelName = (ref: ModelRef): string => `${ref.tenantId}:${ref.task}:${escapeSegment(ref.user)}`;

/** Writers of one model line up under these: an erasure holds all of them. */
export const lockNames = {
  examples: (ref: ModelRef) => `examples:${modelName(ref)}`,
  jobs: (ref: ModelRef) => `jobs:${modelName(ref)}`,
  model: (ref: ModelRef) => `model:${modelName(ref)}`,
} as const;

/** The model that `modelName` names; undefined for any other text. */
export function refOfName(name: string): ModelRef | undefined {
  const [, tenantId, task, escaped] = /^([^:]+):([^:]+):(.+)$/.exec(name) ?? [];
  const user = escaped === undefined ? undefined : unescapeSegment(escaped);
  return tenantId === undefined || task === undefined || user === undefined
    ? undefined
    : { tenantId, task, user };
}

/** Sorted sets whose members all score 0, so that they order by bytes and page without an offset. */
export const indexNames = {
  tenants: `${indexPrefix}tenants`,
  keys: (tenantId: string | null) => `${indexPrefix}keys:${tenantId ?? 'operator'}`,
  audit: (tenantId: string | null) => `${indexPrefix}audit:${tenantId ?? 'operator'}`,
  tasks: (tenantId: string) => `${indexPrefix}tasks:${tenantId}`,
  webhooks: (tenantId: string) => `${indexPrefix}webhooks:${tenantId}`,
  deliveries: (webhookId: string) => `${indexPrefix}deliveries:${webhookId}`,
  erasures: (tenantId: string) => `${indexPrefix}erasures:${tenantId}`,
  events: (tenantId: string) => `${indexPrefix}events:${tenantId}`,
  /** Members `<task>/<escaped user>`. */
  models: (tenantId: string) => `${indexPrefix}models:${tenantId}`,
  /** Of whom anything is stored; members are escaped. */
  users: (tenantId: string) => `${indexPrefix}users:${tenantId}`,
  tasksOfUser: (tenantId: string, user: string) =>
    `${indexPrefix}user-tasks:${tenantId}:${escapeSegment(user)}`,
  /** Of null: every tenant's. */
  jobs: (tenantId: string | null) => `${indexPrefix}jobs:${tenantId ?? 'all'}`,
  jobsOfTask: (tenantId: string, task: string) => `${indexPrefix}jobs-task:${tenantId}:${task}`,
  jobsOfModel: (ref: ModelRef) => `${indexPrefix}jobs-model:${modelName(ref)}`,
  jobsOfUser: (tenantId: string, user: string) =>
    `${indexPrefix}jobs-user:${tenantId}:${escapeSegment(user)}`,
  jobsInState: (tenantId: string | null, state: JobState) =>
    `${indexPrefix}jobs-state:${tenantId ?? 'all'}:${state}`,
  /** Queued, paused and running jobs of a model. */
  openJobs: (ref: ModelRef) => `${indexPrefix}jobs-open:${modelName(ref)}`,
  /** Users whose import has begun and not ended. Members `<tenant>/<escaped user>`. */
  imports: `${indexPrefix}imports`,
  /** Queued, paused and running jobs of everyone. */
  unfinished: `${indexPrefix}unfinished`,
} as const;

/** Hash: job id to `[tenantId, task, user]` as JSON. */
const jobRefs = `${indexPrefix}job-refs`;
/** Hash: id of an event about a model to `[tenantId, task, user]` as JSON. */
const eventRefs = `${indexPrefix}event-refs`;
/** Present only while the indexes are whole; holds the run id of the Redis server they were made on. */
export const generationKey = `${indexPrefix}generation`;

const states: readonly JobState[] = ['queued', 'paused', 'running', 'succeeded', 'failed', 'cancelled'];
/** Whether a job shall be in the queue. */
export const isRunnable = (state: JobState): boolean => state === 'queued' || state === 'running';
/** Of jobs that have not ended. */
export const openStates = ['queued', 'paused', 'running'] as const;
/** Whether a job has not ended. */
export const isOpen = (state: JobState): boolean => isRunnable(state) || state === 'paused';

export interface IndexPage {
  members: string[];
  nextCursor: string | null;
}

export interface IndexRange extends PageRequest {
  newestFirst?: boolean;
  /** Only members that start with this, which must be ASCII. */
  prefix?: string;
  /** Only members from this one on. */
  atLeast?: string;
  /** Only members before this one. */
  below?: string;
}

export interface Indexes {
  add(name: string, member: string): Promise<void>;
  remove(name: string, member: string): Promise<void>;
  drop(name: string): Promise<void>;
  page(name: string, range?: IndexRange): Promise<IndexPage>;
  size(name: string): Promise<number>;
  contains(name: string, members: string[]): Promise<boolean[]>;
  /** Members from this one on. */
  sizeFrom(name: string, atLeast: string): Promise<number>;
  putModel(ref: ModelRef): Promise<void>;
  /** Puts a job's record into every index of jobs, and its model into the index of models. */
  putJob(job: Job): Promise<void>;
  /** With the model that it is about, if any. */
  putEvent(tenantId: string, eventId: string, ref: ModelRef | undefined): Promise<void>;
  /** Takes a model, its jobs and its events out of every index. */
  dropModel(ref: ModelRef, jobIds: string[], eventIds: string[]): Promise<void>;
  jobRefs(jobIds: string[]): Promise<(ModelRef | undefined)[]>;
  /** The models of those events that are about one. */
  eventRefs(eventIds: string[]): Promise<Map<string, ModelRef>>;
}

export const memberOfModel = (ref: ModelRef): string => `${ref.task}/${escapeSegment(ref.user)}`;

export const memberOfImport = (tenantId: string, user: string): string =>
  `${tenantId}/${escapeSegment(user)}`;

export function refOfImport(member: string): { tenantId: string; user: string } | undefined {
  const slash = member.indexOf('/');
  const user = unescapeSegment(member.slice(slash + 1));
  return user === undefined ? undefined : { tenantId: member.slice(0, slash), user };
}

/** The model of a tenant that a member names; undefined for any other text. */
export function refOfMember(tenantId: string, member: string): ModelRef | undefined {
  const slash = member.indexOf('/');
  const user = unescapeSegment(member.slice(slash + 1));
  return user === undefined ? undefined : { tenantId, task: member.slice(0, slash), user };
}

/** A user with no task left is no user any more. KEYS: its tasks, users. ARGV: task, user. */
const dropTaskScript = `
redis.call('zrem', KEYS[1], ARGV[1])
if redis.call('zcard', KEYS[1]) == 0 then redis.call('zrem', KEYS[2], ARGV[2]) end
return 1`;

export function pageSize(page: PageRequest): number {
  const limit = page.limit ?? limits.pageSize;
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.pageSize) {
    throw new AppError('invalid_request', `\`limit\` must be an integer from 1 to ${limits.pageSize}.`);
  }
  return limit;
}

export const encodeCursor = (position: string): string => Buffer.from(position).toString('base64url');

export function decodeCursor(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString();
  if (position === '' || encodeCursor(position) !== cursor) {
    throw new AppError('invalid_request', '`cursor` is not one that a page of this list returned.');
  }
  return position;
}

/** Adds the commands that make a model known. */
function withModel(batch: ChainableCommander, ref: ModelRef): ChainableCommander {
  const { tenantId, task, user } = ref;
  return batch
    .zadd(indexNames.models(tenantId), 0, memberOfModel(ref))
    .zadd(indexNames.users(tenantId), 0, escapeSegment(user))
    .zadd(indexNames.tasksOfUser(tenantId, user), 0, task);
}

/** `ensure` rebuilds; it is called when a read finds that Redis has lost the indexes. */
export function createIndexes(options: { redis: Redis; ensure(): Promise<unknown> }): Indexes {
  const { redis } = options;

  /** Runs `build`'s commands with a check that the indexes are whole, and rebuilds first when they are not. */
  async function read(build: (batch: ChainableCommander) => ChainableCommander): Promise<unknown[]> {
    for (;;) {
      const replies = await run(build(redis.multi().exists(generationKey)));
      if (replies[0] === 1) return replies.slice(1);
      await options.ensure();
    }
  }

  async function run(batch: ChainableCommander): Promise<unknown[]> {
    const replies = await batch.exec();
    if (!replies) throw new Error('redis dropped a transaction');
    return replies.map(([error, value]) => {
      if (error) throw error;
      return value;
    });
  }

  async function refsIn(hash: string, ids: string[]): Promise<(ModelRef | undefined)[]> {
    if (ids.length === 0) return [];
    const [reply] = await read((batch) => batch.hmget(hash, ...ids));
    return (reply as (string | null)[]).map((text) => {
      if (text === null) return undefined;
      const [tenantId, task, user] = JSON.parse(text) as [string, string, string];
      return { tenantId, task, user };
    });
  }

  return {
    async add(name, member) {
      await redis.zadd(name, 0, member);
    },
    async remove(name, member) {
      await redis.zrem(name, member);
    },
    async drop(name) {
      await redis.unlink(name);
    },
    async page(name, range = {}) {
      const limit = pageSize(range);
      const { prefix = '' } = range;
      const after = range.cursor === undefined ? undefined : decodeCursor(range.cursor);
      if (after !== undefined && !after.startsWith(prefix)) {
        throw new AppError('invalid_request', '`cursor` belongs to a list with other filters.');
      }
      let low = prefix === '' ? '-' : `[${prefix}`;
      let high = prefix === '' ? '+' : `(${prefix}\x7f`;
      if (range.atLeast !== undefined) low = `[${range.atLeast}`;
      if (range.below !== undefined) high = `(${range.below}`;
      if (after !== undefined && range.newestFirst) high = `(${after}`;
      else if (after !== undefined) low = `(${after}`;
      const [reply] = await read((batch) =>
        range.newestFirst
          ? batch.zrevrangebylex(name, high, low, 'LIMIT', 0, limit + 1)
          : batch.zrangebylex(name, low, high, 'LIMIT', 0, limit + 1),
      );
      const members = (reply as string[]).slice(0, limit);
      const last = members.at(-1);
      const more = (reply as string[]).length > limit && last !== undefined;
      return { members, nextCursor: more ? encodeCursor(last) : null };
    },
    async size(name) {
      const [reply] = await read((batch) => batch.zcard(name));
      return reply as number;
    },
    async contains(name, members) {
      if (members.length === 0) return [];
      const [reply] = await read((batch) => batch.zmscore(name, members));
      return (reply as (string | null)[]).map((score) => score !== null);
    },
    async sizeFrom(name, atLeast) {
      const [reply] = await read((batch) => batch.zlexcount(name, `[${atLeast}`, '+'));
      return reply as number;
    },
    async putModel(ref) {
      await run(withModel(redis.multi(), ref));
    },
    async putJob(job) {
      const { id, tenantId, task, user, state } = job;
      const batch = withModel(redis.multi(), job)
        .hset(jobRefs, id, JSON.stringify([tenantId, task, user]))
        .zadd(indexNames.jobs(tenantId), 0, id)
        .zadd(indexNames.jobsOfTask(tenantId, task), 0, id)
        .zadd(indexNames.jobsOfUser(tenantId, user), 0, id)
        .zadd(indexNames.jobsOfModel(job), 0, id)
        .zadd(indexNames.jobs(null), 0, id);
      for (const owner of [tenantId, null]) {
        for (const other of states) if (other !== state) batch.zrem(indexNames.jobsInState(owner, other), id);
        batch.zadd(indexNames.jobsInState(owner, state), 0, id);
      }
      for (const name of [indexNames.openJobs(job), indexNames.unfinished]) {
        if (isOpen(state)) batch.zadd(name, 0, id);
        else batch.zrem(name, id);
      }
      await run(batch);
    },
    async putEvent(tenantId, eventId, ref) {
      const batch = ref ? withModel(redis.multi(), ref) : redis.multi();
      batch.zadd(indexNames.events(tenantId), 0, eventId);
      if (ref) batch.hset(eventRefs, eventId, JSON.stringify([ref.tenantId, ref.task, ref.user]));
      await run(batch);
    },
    async dropModel(ref, jobIds, eventIds) {
      const { tenantId, task, user } = ref;
      const batch = redis
        .multi()
        .zrem(indexNames.models(tenantId), memberOfModel(ref))
        .unlink(indexNames.jobsOfModel(ref), indexNames.openJobs(ref))
        .eval(
          dropTaskScript,
          2,
          ...[indexNames.tasksOfUser(tenantId, user), indexNames.users(tenantId)],
          ...[task, escapeSegment(user)],
        );
      if (eventIds.length > 0) {
        batch.hdel(eventRefs, ...eventIds).zrem(indexNames.events(tenantId), ...eventIds);
      }
      if (jobIds.length > 0) {
        batch.hdel(jobRefs, ...jobIds);
        const shared = [
          ...[indexNames.jobs(tenantId), indexNames.jobs(null), indexNames.unfinished],
          ...[indexNames.jobsOfTask(tenantId, task), indexNames.jobsOfUser(tenantId, user)],
          ...[tenantId, null].flatMap((owner) => states.map((state) => indexNames.jobsInState(owner, state))),
        ];
        for (const name of shared) batch.zrem(name, ...jobIds);
      }
      await run(batch);
    },
    async jobRefs(jobIds) {
      return refsIn(jobRefs, jobIds);
    },
    async eventRefs(eventIds) {
      const refs = await refsIn(eventRefs, eventIds);
      return new Map(eventIds.flatMap((id, at) => (refs[at] ? [[id, refs[at]] as const] : [])));
    },
  };
}
