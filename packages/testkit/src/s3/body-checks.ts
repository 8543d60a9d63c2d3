import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { S3Refusal } from './refusal.js';

export function crc32Base64(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

const checksums: Record<string, (body: Uint8Array) => string> = {
  'content-md5': (body) => createHash('md5').update(body).digest('base64'),
  'x-amz-checksum-crc32': crc32Base64,
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest('base64'),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest('base64'),
};

/** Throws unless the body is the one that was signed and summed; what cannot be checked is refused, never waved through. */
export function checkBody(headers: Record<string, string | undefined>, body: Uint8Array): void {
  const declared = headers['x-amz-content-sha256'] ?? '';
  if (declared.startsWith('STREAMING-')) throw new S3Refusal(501, 'NotImplemented', 'aws-chunked bodies');
  const actual = createHash('sha256').update(body).digest('hex');
  if (declared !== 'UNSIGNED-PAYLOAD' && declared !== actual) {
    throw new S3Refusal(400, 'XAmzContentSHA256Mismatch', 'the body is not the one that was signed');
  }
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'content-md5' && !name.startsWith('x-amz-checksum-')) continue;
    if (name === 'x-amz-checksum-mode') continue;
    const compute = checksums[name];
    if (!compute) throw new S3Refusal(501, 'NotImplemented', `${name} is not among the checksums known here`);
    if (compute(body) !== value) throw new S3Refusal(400, 'BadDigest', `${name} does not match the body`);
  }
}
