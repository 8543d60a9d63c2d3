import {
  AppError,
  type Job,
  type ModelRef,
  type ModelSummary,
  type ModelsQuery,
  type ModelVersion,
  type Page,
} from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { escapeSegment, unescapeSegment } from './escape.js';
import { decodeCursor, encodeCursor, type Indexes, indexNames, pageSize, refOfMember } from './indexes.js';
import { readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import type { PageRequest } from './page-request.js';

/** Names beyond which a page does not search: it then ends early, with the cursor to go on from. */
const longestSearch = 1_000;

interface Deps {
  store: ObjectStore;
  indexes: Indexes;
  live(ref: ModelRef): Promise<ModelVersion | undefined>;
}

/** A model's place in the list: its tenant and its name in the index. */
interface Place {
  tenantId: string;
  member: string;
}

/** Models by tenant, task and user, each with what is live and its last job. */
export async function listModels(
  deps: Deps,
  tenantId: string | null,
  filter: ModelsQuery,
): Promise<Page<ModelSummary>> {
  const limit = pageSize(filter);
  const after = filter.cursor === undefined ? undefined : parsePlace(filter.cursor, tenantId);
  const found: { place: Place; row: ModelSummary }[] = [];
  const searchesRows = filter.state !== undefined || filter.from !== undefined || filter.to !== undefined;
  let searched = 0;
  let last: Place | undefined;
  for await (const places of placesFrom(deps, tenantId, filter, after, searchesRows ? 100 : limit + 1)) {
    const rows = await mapLimit(places, (place) => summarize(deps, place));
    for (const [at, row] of rows.entries()) {
      last = places[at] as Place;
      if (!row || !matches(row, filter)) continue;
      if (found.length === limit) return page(found, found.at(-1)?.place);
      found.push({ place: last, row });
    }
    searched += places.length;
    if (searched >= longestSearch) return page(found, last);
  }
  return page(found, undefined);
}

const page = (found: { row: ModelSummary }[], next: Place | undefined): Page<ModelSummary> => ({
  data: found.map(({ row }) => row),
  nextCursor: next === undefined ? null : encodeCursor(`${next.tenantId}\n${next.member}`),
});

function parsePlace(cursor: string, tenantId: string | null): Place {
  const [, tenant, member] = /^([^\n]+)\n([^\n]+)$/.exec(decodeCursor(cursor)) ?? [];
  if (tenant === undefined || member === undefined || (tenantId !== null && tenant !== tenantId)) {
    throw new AppError('invalid_request', '`cursor` is not one that a page of this list returned.');
  }
  return { tenantId: tenant, member };
}

/** The places after one, in batches. */
async function* placesFrom(
  { indexes }: Deps,
  tenantId: string | null,
  { task, user }: ModelsQuery,
  after: Place | undefined,
  batch: number,
): AsyncGenerator<Place[]> {
  const limit = Math.min(batch, 100);
  for await (const owner of tenantId === null ? tenantsFrom(indexes, after?.tenantId) : [tenantId]) {
    const name = indexNames.models(owner);
    const place = (member: string): Place => ({ tenantId: owner, member });
    const behind = owner === after?.tenantId ? after.member : '';
    if (user !== undefined) {
      const tasks = task === undefined ? await tasksOf(indexes, owner, user) : [task];
      const members = tasks.map((each) => `${each}/${escapeSegment(user)}`).filter((each) => each > behind);
      const known = await indexes.contains(name, members);
      yield members.filter((_, at) => known[at]).map(place);
      continue;
    }
    const prefix = task === undefined ? '' : `${task}/`;
    for (let cursor = behind === '' ? undefined : encodeCursor(behind); ; ) {
      const { members, nextCursor } = await indexes.page(name, { prefix, limit, cursor });
      yield members.map(place);
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
  }
}

/** Every tenant from one on, that one included. */
async function* tenantsFrom(indexes: Indexes, first: string | undefined): AsyncGenerator<string> {
  for (let cursor: string | undefined; ; ) {
    const bounds = first === undefined ? {} : { atLeast: first };
    const { members, nextCursor } = await indexes.page(indexNames.tenants, { cursor, ...bounds });
    yield* members;
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}

async function tasksOf(indexes: Indexes, tenantId: string, user: string): Promise<string[]> {
  const tasks: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const { members, nextCursor } = await indexes.page(indexNames.tasksOfUser(tenantId, user), { cursor });
    tasks.push(...members);
    if (nextCursor === null) return tasks;
    cursor = nextCursor;
  }
}

/** Users of one task, by name. */
export async function listUsers(
  indexes: Indexes,
  tenantId: string,
  task: string,
  range: PageRequest,
): Promise<Page<string>> {
  const prefix = `${task}/`;
  const { members, nextCursor } = await indexes.page(indexNames.models(tenantId), { ...range, prefix });
  return {
    data: members.flatMap((member) => unescapeSegment(member.slice(prefix.length)) ?? []),
    nextCursor,
  };
}

async function summarize(
  { store, indexes, live }: Deps,
  { tenantId, member }: Place,
): Promise<ModelSummary | undefined> {
  const ref = refOfMember(tenantId, member);
  if (!ref) return undefined;
  const [version, { members }] = await Promise.all([
    live(ref).catch((error: unknown) => {
      // One damaged model must not hide the others; asked for by itself, it says what is wrong.
      if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
      throw error;
    }),
    indexes.page(indexNames.jobsOfModel(ref), { newestFirst: true, limit: 1 }),
  ]);
  const jobId = members[0];
  const job = jobId === undefined ? undefined : await readJson<Job>(store, objectKeys.job(ref, jobId));
  return {
    ...ref,
    live: version ? liveOf(version) : null,
    lastJob: job
      ? { id: job.id, state: job.state, createdAt: job.createdAt, finishedAt: job.finishedAt }
      : null,
  };
}

function liveOf({ version, adapterBytes, card }: ModelVersion): NonNullable<ModelSummary['live']> {
  const { createdAt, method, labels, examples, gate } = card;
  const { accuracy } = gate.candidate;
  return {
    ...{ version, createdAt, method, examples, adapterBytes },
    labels: labels.length,
    ...(accuracy !== undefined && { accuracy }),
  };
}

function matches({ live }: ModelSummary, { state, from, to }: ModelsQuery): boolean {
  if (state !== undefined && (live !== null) !== (state === 'live')) return false;
  if (from === undefined && to === undefined) return true;
  if (!live) return false;
  const at = Date.parse(live.createdAt);
  return (from === undefined || at >= Date.parse(from)) && (to === undefined || at < Date.parse(to));
}
