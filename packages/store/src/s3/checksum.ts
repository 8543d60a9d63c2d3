import { crc32 } from 'node:zlib';

/** CRC-32 (ISO-HDLC) as S3 writes it: big-endian, base64. */
export function crc32Base64(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}
