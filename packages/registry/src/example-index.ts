import type { Example, ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import { contentDigest, listSegments, readSegments } from './example-segments.js';
import { modelName } from './indexes.js';
import type { HeldLock } from './locks.js';

export const exampleCachePrefix = '{scion}:cache:examples:';

/** An index nobody touched for this long is dropped; millions of users need not all sit in Redis. */
const idleSeconds = 3_600;
// One hash a model: example id to content digest. Field '' (no example id is empty) holds the id of the last segment
// folded in, or `dirty` while a segment may stand in the bucket that the hash does not know. One key, so that an
// eviction takes all of it or nothing.
const lastField = '';
const dirty = '!';
const fieldsPerCommand = 2_000;

const foldScript = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then redis.call('unlink', KEYS[2]) return 0 end
redis.call('hset', KEYS[2], unpack(ARGV, 3))
redis.call('expire', KEYS[2], ARGV[2])
return 1`;

const dropScript = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then redis.call('unlink', KEYS[2]) return 0 end
redis.call('hdel', KEYS[2], unpack(ARGV, 2))
return 1`;

/** What a segment, or several, make of the examples before them. */
export interface IndexChange {
  stored: Example[];
  /** Ids; none of them is in `stored`. */
  deleted: string[];
}

export interface ExampleIndex {
  /** Brings the hash up to date with the bucket; returns the id of the last segment, '' when there is none. */
  load(ref: ModelRef, lock: HeldLock): Promise<string>;
  /** Content digests by id, undefined for an unknown id. Needs `load` before. */
  digests(ref: ModelRef, ids: string[]): Promise<(string | undefined)[]>;
  /** Known examples; undefined when the hash is missing or dirty. */
  size(ref: ModelRef): Promise<number | undefined>;
  /** Says that a segment is about to be written: whoever finds the mark later reads the bucket again. */
  markDirty(ref: ModelRef, lock: HeldLock): Promise<void>;
  /** Folds a written segment in. When the lock was lost meanwhile the hash is dropped instead. */
  fold(ref: ModelRef, lock: HeldLock, segmentId: string, change: IndexChange): Promise<void>;
}

/** The Redis key of a model's hash, for who erases it. */
export const exampleCacheKey = (ref: ModelRef): string => `${exampleCachePrefix}${modelName(ref)}`;

export function createExampleIndex({ store, redis }: { store: ObjectStore; redis: Redis }): ExampleIndex {
  const keyOf = exampleCacheKey;
  const write = (ref: ModelRef, lock: HeldLock, fields: string[]) =>
    redis.eval(foldScript, 2, lock.key, keyOf(ref), lock.token, idleSeconds, ...fields);

  async function fold(
    ref: ModelRef,
    lock: HeldLock,
    segmentId: string,
    { stored, deleted }: IndexChange,
  ): Promise<void> {
    for (let at = 0; at < deleted.length; at += fieldsPerCommand) {
      const ids = deleted.slice(at, at + fieldsPerCommand);
      await redis.eval(dropScript, 2, lock.key, keyOf(ref), lock.token, ...ids);
    }
    const fields = stored.flatMap((example) => [example.id, contentDigest(example)]);
    for (let at = 0; at < fields.length; at += fieldsPerCommand) {
      await write(ref, lock, fields.slice(at, at + fieldsPerCommand));
    }
    await write(ref, lock, [lastField, segmentId]);
  }

  return {
    async load(ref, lock) {
      const known = await redis.hget(keyOf(ref), lastField);
      const whole = known !== null && known !== dirty;
      if (!whole) {
        await redis.unlink(keyOf(ref));
        await write(ref, lock, [lastField, dirty]);
      }
      // Redis may have been restored from an older snapshot: segments after the last known one are read too.
      const segments = await listSegments(store, ref, whole ? known : '');
      const unread = whole ? segments.filter((id) => id > known) : segments;
      if (whole && unread.length === 0) return known;
      const { placed, deleted } = await readSegments(store, ref, unread);
      const last = segments.at(-1) ?? '';
      await fold(ref, lock, last, { stored: placed.map(({ example }) => example), deleted });
      return last;
    },
    async digests(ref, ids) {
      const found: (string | undefined)[] = [];
      for (let at = 0; at < ids.length; at += fieldsPerCommand) {
        const reply = await redis.hmget(keyOf(ref), ...ids.slice(at, at + fieldsPerCommand));
        for (const digest of reply) found.push(digest ?? undefined);
      }
      return found;
    },
    async size(ref) {
      const [[lastError, last] = [], [sizeError, size] = []] =
        (await redis.multi().hget(keyOf(ref), lastField).hlen(keyOf(ref)).exec()) ?? [];
      if (lastError ?? sizeError) throw lastError ?? sizeError;
      return last === null || last === dirty ? undefined : (size as number) - 1;
    },
    async markDirty(ref, lock) {
      await write(ref, lock, [lastField, dirty]);
    },
    fold,
  };
}
