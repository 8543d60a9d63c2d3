import type { Readable } from 'node:stream';
import { AppError } from '@scion/contracts';
import { whereItStopped } from './body-parsers.js';

export interface NdjsonLimits {
  /** Of the whole body. */
  bytes: number;
  /** Of one line. */
  lineBytes: number;
  rows: number;
}

/** The rows of an NDJSON body, each with the number of its line, from 1. */
export class NdjsonBody {
  constructor(readonly rows: { line: number; value: unknown }[]) {}
}

const newline = 0x0a;

/**
 * Reads newline-delimited JSON while it arrives, so that a body beyond a limit is refused before it is held. Blank lines
 * are skipped, a last line needs no line break. Throws malformed_ndjson with the line, too_many_rows, payload_too_large.
 */
export async function readNdjson(source: Readable, limits: NdjsonLimits): Promise<NdjsonBody> {
  const rows: NdjsonBody['rows'] = [];
  let line = 1;
  let bytes = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;

  const keep = (part: Buffer) => {
    pendingBytes += part.length;
    if (pendingBytes > limits.lineBytes) {
      throw malformed(line, `is longer than ${limits.lineBytes} bytes`);
    }
    pending.push(part);
  };
  const endLine = () => {
    const value = parseLine(Buffer.concat(pending), line);
    if (value !== undefined) {
      if (rows.length === limits.rows) {
        throw new AppError('too_many_rows', `A request holds at most ${limits.rows} rows.`, {
          errors: [{ path: `line ${line}`, message: 'is one row too many' }],
        });
      }
      rows.push({ line, value });
    }
    pending = [];
    pendingBytes = 0;
    line += 1;
  };

  // Leaving the loop must not destroy the request: its connection still has to carry the answer.
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    let rest = chunk as Buffer;
    bytes += rest.length;
    if (bytes > limits.bytes) {
      throw new AppError('payload_too_large', `A body has at most ${limits.bytes} bytes.`);
    }
    for (let at = rest.indexOf(newline); at !== -1; at = rest.indexOf(newline)) {
      keep(rest.subarray(0, at));
      endLine();
      rest = rest.subarray(at + 1);
    }
    keep(rest);
  }
  endLine();
  return new NdjsonBody(rows);
}

/** Undefined for a blank line. */
function parseLine(bytes: Buffer, line: number): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed(line, 'is not UTF-8');
  }
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(line, `is not JSON${whereItStopped(error)}`);
  }
}

const malformed = (line: number, message: string) =>
  new AppError('malformed_ndjson', `Line ${line} ${message}. Nothing of the request was stored.`, {
    errors: [{ path: `line ${line}`, message }],
  });
