import { Readable } from 'node:stream';
import { AppError } from '@scion/contracts';
import type { ObjectInfo, StoredObject } from '../object-store.js';
import { crc32Base64 } from './checksum.js';

interface Answer {
  info: ObjectInfo;
  stream: unknown;
  /** Whatever checksums came with the object: base64 CRC-32s; one of several parts (`…-2`) is of another kind. */
  checksums: (string | undefined)[];
}

/**
 * Reads a body whole and checks length and checksums. The SDK retries a request but not a body that breaks off or
 * arrives damaged, so this asks anew; bytes that stay damaged are never handed out.
 */
export async function readVerified(options: {
  attempts: number;
  timeoutMs: number;
  request(): Promise<Answer | undefined>;
}): Promise<StoredObject | undefined> {
  for (let attempt = 1; ; attempt++) {
    const answer = await options.request();
    if (!answer) return undefined;
    try {
      const body = await collect(answer.stream, answer.info.bytes, options.timeoutMs);
      const actual = crc32Base64(body);
      const wrong = answer.checksums.some((sum) => sum !== undefined && !sum.includes('-') && sum !== actual);
      if (wrong) throw new Error('Checksum mismatch');
      return { ...answer.info, body };
    } catch (cause) {
      if (attempt < options.attempts) continue;
      // The SDK checks the server's checksum too, while the body flows, and its error begins with the same words.
      if (!(cause instanceof Error) || !cause.message.startsWith('Checksum mismatch')) throw cause;
      throw new AppError('internal', 'A stored object does not match its checksum', { cause });
    }
  }
}

async function collect(stream: unknown, bytes: number, timeoutMs: number): Promise<Uint8Array> {
  if (!(stream instanceof Readable)) throw new TypeError('the S3 client gave no Node stream');
  const body = new Uint8Array(bytes);
  let filled = 0;
  const timer = setTimeout(() => stream.destroy(new Error('the body took too long')), timeoutMs);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (filled + chunk.length > bytes) throw new Error('the body is longer than its Content-Length');
      body.set(chunk, filled);
      filled += chunk.length;
    }
  } finally {
    clearTimeout(timer);
  }
  if (filled !== bytes) throw new Error('the body broke off');
  return body;
}
