import { createHash } from 'node:crypto';
import { encodeUri } from './sigv4.js';

export interface KeptObject {
  body: Buffer;
  etag: string;
  modified: Date;
  /** `x-amz-meta-…` headers as sent. */
  metadata: Record<string, string>;
}

export function keep(body: Buffer, metadata: Record<string, string>, nowMs: number): KeptObject {
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  return { body, etag, modified: new Date(nowMs), metadata };
}

/** S3 lists in the byte order of UTF-8. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const escapeXml = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? '&quot;');

/** The answer to ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html. */
export function listObjects(
  bucket: string,
  objects: Map<string, KeptObject>,
  query: URLSearchParams,
): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after = token ? Buffer.from(token, 'base64url').toString() : (query.get('start-after') ?? '');
  const room = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const encoded = query.get('encoding-type') === 'url';
  // As S3 does: a space becomes "+", the slash stays.
  const show = (key: string) =>
    encoded ? encodeUri(key).replaceAll('%2F', '/').replaceAll('%20', '+') : escapeXml(key);

  const contents: string[] = [];
  const folders: string[] = [];
  let last = '';
  let truncated = false;
  for (const key of [...objects.keys()].filter((k) => k.startsWith(prefix)).sort(byBytes)) {
    if (byBytes(key, after) <= 0) continue;
    const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    const folder = cut === -1 ? undefined : key.slice(0, cut + delimiter.length);
    // A token may name a folder: then all that is in it has been counted.
    if (folder !== undefined && (folder === folders.at(-1) || (token && folder === after))) continue;
    truncated = contents.length + folders.length === room;
    if (truncated) break;
    last = folder ?? key;
    if (folder !== undefined) folders.push(folder);
    else contents.push(key);
  }

  const entries = contents.map((key) => {
    const { body, etag, modified } = objects.get(key)!;
    const fields = `<LastModified>${modified.toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag>`;
    return `<Contents><Key>${show(key)}</Key>${fields}<Size>${body.length}</Size></Contents>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>${bucket}</Name><Prefix>${show(prefix)}</Prefix><MaxKeys>${room}</MaxKeys>`,
    `<KeyCount>${contents.length + folders.length}</KeyCount><IsTruncated>${truncated}</IsTruncated>`,
    encoded ? '<EncodingType>url</EncodingType>' : '',
    truncated
      ? `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>`
      : '',
    ...entries,
    ...folders.map((folder) => `<CommonPrefixes><Prefix>${show(folder)}</Prefix></CommonPrefixes>`),
    '</ListBucketResult>',
  ].join('');
}
