import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeadObjectCommandOutput, PutObjectCommand, S3 } from '@aws-sdk/client-s3';
import { AppError, timestamp } from '@scion/contracts';
import { checkFolder, checkKey, checkLimit, checkPrefix, compareKeys, reservedSegment } from '../keys.js';
import type { ObjectInfo } from '../object-store.js';
import { crc32Base64 } from './checksum.js';
import type { S3Store, S3StoreOptions } from './options.js';
import { readVerified } from './read-verified.js';
import { nameOf, statusOf, toAppError } from './s3-errors.js';

/** S3 answers 409 when two conditional writes meet; the one who asks again learns who won. */
const conflictAttempts = 6;
const conflictDelayMs = 25;

/** User metadata: the checksum also for stores that keep none, and who created the object. */
const crcField = 'scion-crc32';
const writerField = 'scion-writer';

export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  const { bucket: Bucket, endpoint, maxAttempts = 4, timeoutMs = 60_000, clock = Date.now } = options;
  const root = options.prefix ? `${options.prefix.replace(/\/$/, '')}/` : '';
  if (Buffer.byteLength(root) > 64 || root.startsWith('/')) {
    throw new TypeError('the prefix in the bucket must have at most 63 bytes and no leading "/"');
  }
  const region = options.region ?? (endpoint ? 'us-east-1' : undefined);
  const client = new S3({
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    ...(options.credentials && { credentials: options.credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts,
    retryMode: 'standard',
    // The driver gives and checks checksums itself: the SDK's defaults trip stores that do not know its algorithms.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: Math.min(timeoutMs, 5_000),
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
  });

  const putObject = async (
    key: string,
    body: Uint8Array,
    condition: { IfNoneMatch?: '*'; writer?: string } = {},
  ): Promise<ObjectInfo> => {
    const crc = crc32Base64(body);
    const { IfNoneMatch, writer } = condition;
    const answer = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: root + key,
        Body: body,
        ContentLength: body.length,
        ContentType: 'application/octet-stream',
        ChecksumCRC32: crc,
        Metadata: { [crcField]: crc, ...(writer && { [writerField]: writer }) },
        ...(IfNoneMatch && { IfNoneMatch }),
      }),
    );
    return { key, bytes: body.length, etag: quoted(answer.ETag), modifiedAt: timestamp(clock) };
  };

  const headObject = (key: string): Promise<HeadObjectCommandOutput | undefined> =>
    client.headObject({ Bucket, Key: root + key }).catch(ignoreAbsence);

  const createConditionally = async (key: string, body: Uint8Array): Promise<ObjectInfo | undefined> => {
    const writer = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        return await putObject(key, body, { IfNoneMatch: '*', writer });
      } catch (error) {
        if (statusOf(error) === 412) {
          // Perhaps our own: the first attempt arrived, its answer got lost, and the SDK asked again.
          const existing = await headObject(key);
          return existing?.Metadata?.[writerField] === writer ? infoOf(key, existing) : undefined;
        }
        if (statusOf(error) !== 409 || attempt === conflictAttempts) throw error;
        await sleep(conflictDelayMs * 2 ** attempt * Math.random());
      }
    }
  };

  // Where PUT knows no condition: look, then write, one at a time per key in this process.
  const creating = new Map<string, Promise<unknown>>();
  const createAfterLooking = async (key: string, body: Uint8Array): Promise<ObjectInfo | undefined> => {
    const turn = (creating.get(key) ?? Promise.resolve()).then(async () =>
      (await headObject(key)) ? undefined : putObject(key, body),
    );
    const settled = turn.catch(() => undefined);
    creating.set(key, settled);
    try {
      return await turn;
    } finally {
      if (creating.get(key) === settled) creating.delete(key);
    }
  };

  /** An object that stays: the second conditional write of it must be refused. Later probes need but one request. */
  const probe = async (): Promise<boolean> => {
    const key = `${reservedSegment}/conditional-put`;
    for (let write = 1; write <= 2; write++) {
      try {
        await putObject(key, new Uint8Array(), { IfNoneMatch: '*' });
      } catch (error) {
        if (statusOf(error) === 412 || statusOf(error) === 409) return true;
        if (statusOf(error) === 501 || nameOf(error) === 'NotImplemented') return false;
        throw error;
      }
    }
    return false;
  };

  const conditionalPut = await translated(async () => {
    // One look in any case, so that a wrong bucket or credential shows now.
    await client.listObjectsV2({ Bucket, Prefix: root, MaxKeys: 1 });
    return options.conditionalPut ?? (await probe());
  }).catch((error) => {
    client.destroy();
    throw error;
  });

  /** Pages of raw listings behind `startAfter`, each of at most `room()` entries. */
  async function* pages(prefix: string, startAfter: string | undefined, room: () => number, delimiter = '') {
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
      return translated(() =>
        readVerified({
          attempts: maxAttempts,
          timeoutMs,
          request: async () => {
            const input = { Bucket, Key: root + key, ChecksumMode: 'ENABLED' } as const;
            const answer = await client.getObject(input).catch(ignoreAbsence);
            if (!answer) return undefined;
            const checksums = [answer.ChecksumCRC32, answer.Metadata?.[crcField]];
            return { info: infoOf(key, answer), stream: answer.Body, checksums };
          },
        }),
      );
    },

    async head(key) {
      checkKey(key);
      const answer = await translated(() => headObject(key));
      return answer && infoOf(key, answer);
    },

    async put(key, body) {
      checkKey(key);
      return translated(() => putObject(key, body));
    },

    async create(key, body) {
      checkKey(key);
      return translated(() =>
        conditionalPut ? createConditionally(key, body) : createAfterLooking(key, body),
      );
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
            if (isReserved(key)) continue;
            objects.push(infoOf(key, { ...entry, ContentLength: entry.Size }));
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
