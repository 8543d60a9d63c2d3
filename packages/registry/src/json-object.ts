import { AppError } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Parses what Scion itself once wrote; a failure means a damaged bucket, never a caller's mistake. */
function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new AppError('internal', 'A stored record cannot be read.', { cause });
  }
}

export async function readJson<T>(store: ObjectStore, key: string): Promise<T | undefined> {
  const object = await store.get(key);
  return object && parse<T>(decoder.decode(object.body));
}

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(value)}\n`);
}

export async function readLines<T>(store: ObjectStore, key: string): Promise<T[] | undefined> {
  const object = await store.get(key);
  if (!object) return undefined;
  return decoder
    .decode(object.body)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parse<T>(line));
}

export function encodeLines(rows: unknown[]): Uint8Array {
  return encoder.encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
