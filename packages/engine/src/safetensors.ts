/**
 * The safetensors container (github.com/huggingface/safetensors, "Format"): 8 bytes of header length, little-endian;
 * that many bytes of JSON; then the tensors' bytes, dense and row-major, without holes. Read strictly: whatever the
 * official reader refuses is refused here, and duplicate names besides, which JSON.parse would swallow.
 */

const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type SafetensorsType = keyof typeof dtypeBytes;

/** `data` is little-endian; when read it is a view into the file, of any alignment. */
export interface SafeTensor {
  dtype: SafetensorsType;
  shape: number[];
  data: Uint8Array;
}

export interface Safetensors {
  tensors: Map<string, SafeTensor>;
  metadata: Map<string, string>;
}

/** The file is not what it claims to be. The message names the rule that was broken, never the content. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** The official reader's bound; a header is untrusted, so it is checked before anything is parsed. */
const MAX_HEADER_BYTES = 100_000_000;
/** No tensor known has more; keeps the product of the dimensions a short loop. */
const MAX_RANK = 32;

/** @throws SafetensorsError */
export function readSafetensors(
  file: Uint8Array,
  { maxHeaderBytes = MAX_HEADER_BYTES }: { maxHeaderBytes?: number } = {},
): Safetensors {
  if (file.byteLength < 8) throw new SafetensorsError('the file is shorter than its 8 length bytes');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(maxHeaderBytes))
    throw new SafetensorsError(`the header is longer than ${maxHeaderBytes} bytes`);
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > file.byteLength) throw new SafetensorsError('the header runs past the end of the file');

  const header = parseHeader(file.subarray(8, dataStart));
  const data = file.subarray(dataStart);
  const metadata = new Map<string, string>();
  const placed: { name: string; begin: number; end: number; tensor: SafeTensor }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      for (const [key, value] of Object.entries(record(entry, 'the metadata'))) {
        if (typeof value !== 'string') throw new SafetensorsError('a metadata value is not a string');
        metadata.set(key, value);
      }
      continue;
    }
    placed.push({ name, ...place(entry, data) });
  }

  // Sorted by place, each must begin where the one before ended: no overlap, no hole, nothing after the last.
  placed.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let offset = 0;
  for (const { begin, end } of placed) {
    if (begin !== offset) throw new SafetensorsError('tensors overlap or leave a hole');
    offset = end;
  }
  if (offset !== data.byteLength) throw new SafetensorsError('bytes are left over after the last tensor');
  return { tensors: new Map(placed.map(({ name, tensor }) => [name, tensor])), metadata };
}

function place(entry: unknown, data: Uint8Array): { begin: number; end: number; tensor: SafeTensor } {
  const fields = record(entry, 'a tensor’s entry');
  for (const field of Object.keys(fields))
    if (field !== 'dtype' && field !== 'shape' && field !== 'data_offsets')
      throw new SafetensorsError('a tensor’s entry has an unknown field');
  const { dtype, shape, data_offsets: offsets } = fields;
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeBytes, dtype))
    throw new SafetensorsError('a tensor has an unknown dtype');
  if (!isSizes(shape) || shape.length > MAX_RANK)
    throw new SafetensorsError('a tensor’s shape is not a list of sizes');
  if (!isSizes(offsets) || offsets.length !== 2)
    throw new SafetensorsError('a tensor’s data_offsets are not two offsets');
  const [begin, end] = offsets;
  if (begin > end || end > data.byteLength)
    throw new SafetensorsError('a tensor’s offsets lie outside the data');
  let elements = 1;
  for (const size of shape) elements *= size;
  // Beyond 2^53 the product is inexact, yet then it is also far above any file's size.
  if (elements * dtypeBytes[dtype as SafetensorsType] !== end - begin)
    throw new SafetensorsError('a tensor’s shape and dtype do not fill its bytes');
  return {
    begin,
    end,
    tensor: { dtype: dtype as SafetensorsType, shape, data: data.subarray(begin, end) },
  };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SafetensorsError(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new SafetensorsError('the header does not begin with {');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError('the header is not UTF-8');
  }
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new SafetensorsError('the header is not JSON');
  }
  refuseDuplicateKeys(text);
  return record(header, 'the header');
}

/** Of text that is known to be JSON: no object in it names a key twice. */
function refuseDuplicateKeys(json: string): void {
  // For each open object the keys seen so far; null for an open array.
  const open: (Set<string> | null)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;
  let last = '';
  for (const [found] of json.matchAll(token)) {
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(null);
    else if (found === '}' || found === ']') open.pop();
    else if (found === ':') {
      const key: string = JSON.parse(last);
      const keys = open.at(-1);
      if (keys?.has(key)) throw new SafetensorsError('the header names something twice');
      keys?.add(key);
    }
    last = found;
  }
}

/**
 * Writes the container. Tensors are laid out by element size, largest first, then by name, and the header is padded
 * with spaces to 8 bytes, as the official writer does: every tensor is aligned, and equal content gives equal bytes.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const laid = [...tensors].sort(
    ([a, x], [b, y]) => dtypeBytes[y.dtype] - dtypeBytes[x.dtype] || (a < b ? -1 : 1),
  );
  // A null prototype, since a tensor may be named __proto__.
  const header: Record<string, unknown> = Object.create(null);
  if (metadata.size > 0) {
    const record: Record<string, string> = Object.create(null);
    for (const key of [...metadata.keys()].sort()) record[key] = metadata.get(key)!;
    header.__metadata__ = record;
  }
  let offset = 0;
  for (const [name, { dtype, shape, data }] of laid) {
    if (name === '__metadata__') throw new SafetensorsError('a tensor may not be named __metadata__');
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements * dtypeBytes[dtype] !== data.byteLength)
      throw new SafetensorsError('a tensor’s shape and dtype do not fill its bytes');
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of laid) {
    file.set(data, at);
    at += data.byteLength;
  }
  return file;
}
