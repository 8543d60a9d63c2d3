import { AppError, defaultRetention, type ModelRef, type ModelVersion, timestamp } from '@scion/contracts';
import { LRUCache } from 'lru-cache';
import {
  type AliasRecord,
  appendAlias,
  type LastAlias,
  liveStack,
  readAliases,
  readLastAlias,
  type StoredAlias,
} from './aliases.js';
import { requireNoImport } from './archive/importing.js';
import { collectVersions } from './collect.js';
import { requireJobNotErased } from './erased-jobs.js';
import { decodeCursor, encodeCursor, lockNames, modelName, pageSize } from './indexes.js';
import { encodeJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { listModels, listUsers } from './list-models.js';
import type { HeldLock } from './locks.js';
import { mapLimit } from './map-limit.js';
import type { RegistryParts } from './parts.js';
import type { AliasSwitch, Examples, Models, Tasks } from './registry.js';
import { addStoredBytes } from './usage.js';
import { listVersions, publishVersion, readVersion, type VersionRecord } from './versions.js';

/** How far `live` may lag behind another process that switched it, should its message be lost. */
const liveForMs = 1_000;
/** Models whose alias a process keeps at hand. */
const liveMax = 10_000;

const noVersion = (): AppError =>
  new AppError('version_not_found', 'This model has no version of that number.');
const noUser = (): AppError =>
  new AppError('user_not_found', 'Nothing is stored for this user and task; append examples first.');

interface LiveState {
  alias: LastAlias;
  version: ModelVersion;
}

export function createModels(parts: RegistryParts, tasks: Tasks, examples: Examples): Models {
  const { store, indexes, locks, clock } = parts;
  const cache = parts.cache<LiveState | undefined>('live', liveForMs);
  // Cards of live versions, by model, number and adapter hash: immutable, so never stale.
  const cards = new LRUCache<string, VersionRecord>({ max: liveMax });
  parts.onErased({
    invalidate(name) {
      for (const key of [...cards.keys()]) if (key.startsWith(`${name}:`)) cards.delete(key);
    },
    // Cards are of use only through an alias, which is read again.
    clear: () => cards.clear(),
  });
  const lockName = lockNames.model;

  const present = (
    { card, ...rest }: VersionRecord,
    live: number | undefined,
    pinned = false,
  ): ModelVersion => ({
    version: card.version,
    live: card.version === live,
    ...(pinned && { pinned }),
    ...rest,
    card,
  });

  async function readLive(ref: ModelRef, known: LiveState | undefined): Promise<LiveState | undefined> {
    const alias = await readLastAlias(store, ref, known?.alias);
    if (!alias) return undefined;
    const { version, adapterSha256 } = alias.record;
    const cardKey = `${modelName(ref)}:${version}:${adapterSha256}`;
    let record = cards.get(cardKey);
    if (!record) {
      record = await readVersion(store, ref, version);
      // An alias is written after its card; one without it means that somebody removed objects by hand.
      if (record?.adapterSha256 !== adapterSha256) {
        throw new AppError('artifact_invalid', 'The live version of this model is damaged.');
      }
      cards.set(cardKey, record);
    }
    return { alias, version: present(record, version) };
  }

  const live = async (ref: ModelRef): Promise<ModelVersion | undefined> =>
    (await cache.get(modelName(ref), (known) => readLive(ref, known)))?.version;

  const liveNumber = async (ref: ModelRef): Promise<number | undefined> =>
    (await readLastAlias(store, ref, undefined))?.record.version;

  async function requireModel(ref: ModelRef): Promise<void> {
    await tasks.get(ref.tenantId, ref.task);
    const { objects } = await store.list(objectKeys.modelPrefix(ref), { limit: 1 });
    if (objects.length === 0) throw noUser();
  }

  async function point(ref: ModelRef, lock: HeldLock, lastSeq: number, record: AliasRecord): Promise<number> {
    let seq = lastSeq + 1;
    await parts.fence.put(
      ref,
      lock,
      () => objectKeys.live(ref, seq),
      async () => {
        seq = await appendAlias(store, ref, lastSeq, record);
      },
    );
    await parts.announce('live', modelName(ref));
    return seq;
  }

  const isPinned = async (ref: ModelRef, version: number): Promise<boolean> =>
    (await store.head(objectKeys.pin(ref, version))) !== undefined;
  const withPin = (version: ModelVersion, pinned: Set<number>): ModelVersion =>
    pinned.has(version.version) ? { ...version, pinned: true } : version;

  /** Points `live` at a published version; the caller holds the lock. */
  async function switchTo(
    ref: ModelRef,
    lock: HeldLock,
    last: StoredAlias | undefined,
    change: Pick<AliasRecord, 'version' | 'by' | 'reason'>,
  ): Promise<AliasSwitch> {
    const target = await readVersion(store, ref, change.version);
    if (!target) throw noVersion();
    if (last && change.version === last.record.version) return { ...open(last.record), seq: last.seq };
    const { adapterSha256 } = target;
    const record: AliasRecord = { ...change, at: timestamp(clock), adapterSha256 };
    return { ...open(record), seq: await point(ref, lock, last?.seq ?? 0, record) };
  }

  const open = ({ adapterSha256: _, ...entry }: AliasRecord) => entry;
  const history = async (ref: ModelRef) =>
    (await readAliases(store, ref)).map(({ record }) => open(record)).reverse();

  return {
    list: (tenantId, filter = {}) => listModels({ store, indexes, live }, tenantId, filter),
    users: (tenantId, task, page = {}) => listUsers(indexes, tenantId, task, page),
    async get(ref) {
      await requireModel(ref);
      const [count, { published, pinned }, liveVersion, switches] = await Promise.all([
        examples.count(ref),
        listVersions(store, ref),
        readLive(ref, undefined),
        history(ref),
      ]);
      return {
        ...{ tenantId: ref.tenantId, task: ref.task, user: ref.user },
        examples: count,
        versions: published.length,
        live: liveVersion ? withPin(liveVersion.version, pinned) : null,
        history: switches,
      };
    },
    require: requireModel,
    async versions(ref, page = {}) {
      await requireModel(ref);
      const limit = pageSize(page);
      const before = page.cursor === undefined ? Number.POSITIVE_INFINITY : parseVersion(page.cursor);
      const [{ published, pinned }, current] = await Promise.all([listVersions(store, ref), liveNumber(ref)]);
      const rest = published.filter((version) => version < before).reverse();
      const records = await mapLimit(rest.slice(0, limit), (version) => readVersion(store, ref, version));
      const data = records.flatMap((record) =>
        record ? [present(record, current, pinned.has(record.card.version))] : [],
      );
      const last = rest[limit - 1];
      return {
        data,
        nextCursor: rest.length > limit && last !== undefined ? encodeCursor(String(last)) : null,
      };
    },
    async version(ref, version) {
      await tasks.get(ref.tenantId, ref.task);
      const [record, current, pinned] = await Promise.all([
        readVersion(store, ref, version),
        liveNumber(ref),
        isPinned(ref, version),
      ]);
      if (!record) throw noVersion();
      return present(record, current, pinned);
    },
    async adapter(ref, version) {
      return (await store.get(objectKeys.adapter(ref, version)))?.body;
    },
    live,
    async publish(ref, jobId, encode, method = 'head') {
      const record = await locks.hold(lockName(ref), async () => {
        await requireNoImport(parts, ref);
        await requireJobNotErased(store, ref, jobId);
        const published = await publishVersion(store, ref, { jobId, method }, encode);
        // Again, for a process that froze past its lock's life in between: it takes back what it wrote.
        await requireJobNotErased(store, ref, jobId).catch(async (error) => {
          await store.delete(objectKeys.card(ref, published.card.version));
          await store.delete(objectKeys.adapter(ref, published.card.version));
          throw error;
        });
        // The same for a collection, to which its folder looked like what a death had left.
        if (!(await store.head(objectKeys.adapter(ref, published.card.version)))) {
          await store.delete(objectKeys.card(ref, published.card.version));
          throw new AppError('overloaded', 'Publishing took too long and lost its place; try again.');
        }
        await indexes.putModel(ref);
        return published;
      });
      await addStoredBytes(parts, ref, record.adapterBytes);
      return present(record, await liveNumber(ref));
    },
    async promote(ref, version, jobId) {
      return locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const entries = await readAliases(store, ref);
        const own = entries.find(
          ({ record }) => record.by === jobId && record.reason === 'gate' && record.version === version,
        );
        if (own) {
          // The call before this one may have died between the entry and its message.
          await parts.announce('live', modelName(ref));
          return open(own.record);
        }
        const target = await readVersion(store, ref, version);
        // Else a job that slept through the erasure of its user would promote what one of the same name has trained since.
        if (target?.card.jobId !== jobId) throw noVersion();
        const last = entries.at(-1);
        // A person who pins what is live wants no job to replace it.
        if (last && (await isPinned(ref, last.record.version))) return open(last.record);
        const { adapterSha256 } = target;
        const record: AliasRecord = {
          version,
          at: timestamp(clock),
          by: jobId,
          reason: 'gate',
          adapterSha256,
        };
        await point(ref, lock, last?.seq ?? 0, record);
        return open(record);
      });
    },
    async rollback(ref, { version, by }) {
      await requireModel(ref);
      return locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const entries = await readAliases(store, ref);
        const last = entries.at(-1);
        if (!last)
          throw new AppError('model_not_trained', 'This user has no live version to roll back from.');
        const stack = liveStack(entries.map(({ record }) => record));
        const { published } = await listVersions(store, ref);
        // Collection may have removed some that were live long ago.
        const before = stack.slice(0, -1).filter((number) => published.includes(number));
        const target = version ?? before.at(-1);
        if (target === undefined) {
          throw new AppError(
            'nothing_to_roll_back',
            'No other version was live before; name one to switch to it.',
          );
        }
        return switchTo(ref, lock, last, { version: target, by, reason: 'rollback' });
      });
    },
    async promoteTo(ref, version, by) {
      await requireModel(ref);
      return locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const last = (await readAliases(store, ref)).at(-1);
        return switchTo(ref, lock, last, { version, by, reason: 'promotion' });
      });
    },
    async setPinned(ref, version, pinned, by) {
      await tasks.get(ref.tenantId, ref.task);
      return locks.hold(lockName(ref), async () => {
        await requireNoImport(parts, ref);
        const record = await readVersion(store, ref, version);
        if (!record) throw noVersion();
        const key = objectKeys.pin(ref, version);
        // The first pin says who and when.
        if (!pinned) await store.delete(key);
        else if (!(await store.head(key))) await store.put(key, encodeJson({ at: timestamp(clock), by }));
        return present(record, await liveNumber(ref), pinned);
      });
    },
    async warmStart(ref, version) {
      return (await store.get(objectKeys.warmStart(ref, version)))?.body;
    },
    async keepWarmStart(ref, version, bytes) {
      const key = objectKeys.warmStart(ref, version);
      await locks.hold(lockName(ref), async (lock) => {
        await requireNoImport(parts, ref);
        // Nothing of an erased user may come back, also not to one of the same name.
        await requireJobNotErased(store, ref, ref.jobId);
        if ((await readVersion(store, ref, version))?.card.jobId !== ref.jobId) throw noVersion();
        await parts.fence.put(
          ref,
          lock,
          () => key,
          () => store.put(key, bytes),
        );
      });
      await addStoredBytes(parts, ref, bytes.byteLength);
    },
    async collect(ref) {
      const { retention = defaultRetention } = await tasks.get(ref.tenantId, ref.task);
      await requireModel(ref);
      const { bytes, ...collection } = await locks.hold(lockName(ref), async () => {
        await requireNoImport(parts, ref);
        return collectVersions(store, ref, retention, clock());
      });
      await addStoredBytes(parts, ref, -bytes);
      return collection;
    },
    history,
  };
}

function parseVersion(cursor: string): number {
  const position = decodeCursor(cursor);
  if (!/^\d{1,8}$/.test(position)) {
    throw new AppError('invalid_request', '`cursor` is not one that a page of this list returned.');
  }
  return Number(position);
}
