import { AppError, timestamp } from '@scion/contracts';
import { checkFolder, checkKey, checkLimit, checkPrefix, compareKeys, reservedSegment } from '../keys.js';
import type { ObjectInfo } from '../object-store.js';
import { crc32Base64 } from './checksum.js';
import {
  type CreatePort,
  createAfterLooking,
  createConditionally,
  honoursCondition,
} from './create-if-absent.js';
import type { S3Store, S3StoreOptions } from './options.js';
import { readVerified } from './read-verified.js';
import { createS3Client, defaultMaxAttempts, defaultTimeoutMs } from './s3-client.js';
import { nameOf, statusOf, toAppError } from './s3-errors.js';

/** User metadata: the checksum also for stores that keep none, and who created the object. */
const crcField = 'scion-crc32';
const writerField = 'scion-writer';

export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  const { bucket: Bucket, clock = Date.now } = options;
  const root = options.prefix ? `${options.prefix.replace(/\/$/, '')}/` : '';
  if (Buffer.byteLength(root) > 64 || root.startsWith('/')) {
    throw new TypeError('the prefix in the bucket must have at most 63 bytes and no leading "/"');
  }
  const client = createS3Client(options);

  const port: CreatePort = {
    async put(key, body, condition) {
      const crc = crc32Base64(body);
      const answer = await client.putObject({
        Bucket,
        Key: root + key,
        Body: body,
        ContentLength: body.length,
        ContentType: 'application/octet-stream',
        ChecksumCRC32: crc,
        Metadata: { [crcField]: crc, ...(condition?.writer && { [writerField]: condition.writer }) },
        ...(condition && { IfNoneMatch: '*' }),
      });
      return { key, bytes: body.length, etag: quoted(answer.ETag), modifiedAt: timestamp(clock) };
    },
    async head(key) {
      const answer = await client.headObject({ Bucket, Key: root + key }).catch(ignoreAbsence);
      return answer && { info: infoOf(key, answer), writer: answer.Metadata?.[writerField] };
    },
  };

  const conditionalPut = await translated(async () => {
    // One look in any case, so that a wrong bucket or credential shows now.
    await client.listObjectsV2({ Bucket, Prefix: root, MaxKeys: 1 });
    return options.conditionalPut ?? (await honoursCondition(port));
  }).catch((error) => {
    client.destroy();
    throw error;
  });
  const create = conditionalPut ? createConditionally(port) : createAfterLooking(port);

  /** The raw pages behind `startAfter`, each of at most `room()` entries. */
  async function* pages(prefix: string, startAfter: string | undefined, room: () => number, delimiter?: '/') {
    let token: string | undefined;
    do {
      const page = await client.listObjectsV2({
        Bucket,
        Prefix: root + prefix,
        MaxKeys: room(),
        EncodingType: 'url',
        ...(delimiter && { Delimiter: delimiter }),
        ...(token
          ? { ContinuationToken: token }
          : startAfter !== undefined && { StartAfter: root + startAfter }),
      });
      const decode = (text: string) =>
        (page.EncodingType === 'url' ? decodeURIComponent(text.replaceAll('+', ' ')) : text).slice(
          root.length,
        );
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
      if (page.IsTruncated && !token) {
        throw new AppError(
          'internal',
          'The object store breaks a listing off without saying where it goes on',
        );
      }
      yield { page, decode, more: token !== undefined };
    } while (token !== undefined);
  }

  const isReserved = (key: string) => key.startsWith(`${reservedSegment}/`);

  return {
    conditionalPut,

    async get(key) {
      checkKey(key);
      const request = async () => {
        const input = { Bucket, Key: root + key, ChecksumMode: 'ENABLED' } as const;
        const answer = await client.getObject(input).catch(ignoreAbsence);
        if (!answer) return undefined;
        const checksums = [answer.ChecksumCRC32, answer.Metadata?.[crcField]];
        return { info: infoOf(key, answer), stream: answer.Body, checksums };
      };
      const { maxAttempts = defaultMaxAttempts, timeoutMs = defaultTimeoutMs } = options;
      return translated(() => readVerified({ attempts: maxAttempts, timeoutMs, request }));
    },

    async head(key) {
      checkKey(key);
      return translated(async () => (await port.head(key))?.info);
    },

    async put(key, body) {
      checkKey(key);
      return translated(() => port.put(key, body));
    },

    async create(key, body) {
      checkKey(key);
      return translated(() => create(key, body));
    },

    async delete(key) {
      checkKey(key);
      await translated(() => client.deleteObject({ Bucket, Key: root + key }).catch(ignoreAbsence));
    },

    async list(prefix, { after, limit } = {}) {
      checkPrefix(prefix);
      const most = checkLimit(limit);
      // Stores disagree on a StartAfter outside the prefix: one before it is no bound, one behind it leaves nothing.
      const inside = after?.startsWith(prefix);
      if (after !== undefined && !inside && compareKeys(after, prefix) > 0)
        return { objects: [], next: null };
      const objects: ObjectInfo[] = [];
      return translated(async () => {
        for await (const part of pages(prefix, inside ? after : undefined, () => most - objects.length)) {
          for (const entry of part.page.Contents ?? []) {
            const key = part.decode(entry.Key!);
            if (!isReserved(key)) objects.push(infoOf(key, { ...entry, ContentLength: entry.Size }));
          }
          if (objects.length >= most) return { objects, next: part.more ? objects.at(-1)!.key : null };
        }
        return { objects, next: null };
      });
    },

    async children(prefix, { after, limit } = {}) {
      checkFolder(prefix);
      const most = checkLimit(limit);
      const names: string[] = [];
      // "0" follows "/": behind every key of the folder `after`, whether or not a store counts it as one entry.
      const bound = after === undefined ? undefined : `${prefix}${after}0`;
      return translated(async () => {
        for await (const part of pages(prefix, bound, () => most - names.length, '/')) {
          for (const entry of part.page.CommonPrefixes ?? []) {
            const folder = part.decode(entry.Prefix!);
            if (!isReserved(folder)) names.push(folder.slice(prefix.length, -1));
          }
          if (names.length >= most) return { names, next: part.more ? names.at(-1)! : null };
        }
        return { names, next: null };
      });
    },

    async close() {
      client.destroy();
    },
  };
}

interface Described {
  ContentLength?: number | undefined;
  ETag?: string | undefined;
  LastModified?: Date | undefined;
}

function infoOf(key: string, answer: Described): ObjectInfo {
  const modified = answer.LastModified ?? new Date(0);
  return {
    key,
    bytes: answer.ContentLength ?? 0,
    etag: quoted(answer.ETag),
    modifiedAt: modified.toISOString(),
  };
}

/** Some stores leave the quotes out, or do so in some answers. */
const quoted = (etag = '') => `"${etag.replaceAll('"', '')}"`;

function ignoreAbsence(error: unknown): undefined {
  if (statusOf(error) !== 404 || nameOf(error) === 'NoSuchBucket') throw error;
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}
