import { archiveInvalid } from '@scion/contracts';

/** POSIX ustar (IEEE Std 1003.1-2017, pax, "ustar Interchange Format"): plain files only, as `tar` reads and writes. */
const block = 512;
const encoder = new TextEncoder();
const ascii = new TextDecoder('latin1');

const padding = (bytes: number): number => (block - (bytes % block)) % block;
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** Fields of a header: offset and width. */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

/** The sum of a header's bytes, the checksum itself counted as spaces. */
function checksumOf(header: Uint8Array): number {
  const [at, width] = fields.checksum;
  return header.reduce((sum, byte, index) => sum + (index >= at && index < at + width ? 0x20 : byte), 0);
}

/** One file. `path` is ASCII, at most 100 bytes behind its last but one slash. */
export function* tarEntry(path: string, body: Uint8Array): Generator<Uint8Array> {
  const header = new Uint8Array(block);
  const put = (field: keyof typeof fields, text: string): void => {
    const [at, width] = fields[field];
    const bytes = encoder.encode(text);
    if (bytes.byteLength > width) throw new TypeError(`the ${field} of a tar entry is too long`);
    header.set(bytes, at);
  };
  const cut = path.length > 100 ? path.indexOf('/') : -1;
  put('prefix', cut < 0 ? '' : path.slice(0, cut));
  put('name', path.slice(cut + 1));
  put('mode', octal(0o600, 8));
  put('uid', octal(0, 8));
  put('gid', octal(0, 8));
  put('size', octal(body.byteLength, 12));
  put('mtime', octal(0, 12));
  put('type', '0');
  put('magic', 'ustar\u000000');
  put('checksum', `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  yield header;
  yield body;
  yield new Uint8Array(padding(body.byteLength));
}

export const tarEnd = (): Uint8Array => new Uint8Array(2 * block);

/** Every file of an archive in memory, in order. Throws archive_invalid for anything that `tarEntry` does not write. */
export function readTar(archive: Uint8Array, maxEntries: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let at = 0;
  for (;;) {
    const header = archive.subarray(at, at + block);
    if (header.byteLength < block) throw archiveInvalid('it ends too early');
    if (header.every((byte) => byte === 0)) break;
    const text = (field: keyof typeof fields): string => {
      const [from, width] = fields[field];
      return ascii.decode(header.subarray(from, from + width)).replace(/\0.*$/s, '');
    };
    const number = (field: 'size' | 'checksum'): number => {
      const digits = text(field).trim();
      if (!/^[0-7]{1,11}$/.test(digits)) throw archiveInvalid(`a header has no ${field}`);
      return Number.parseInt(digits, 8);
    };
    if (number('checksum') !== checksumOf(header)) throw archiveInvalid('a header is damaged');
    if (text('magic') !== 'ustar' || text('type') !== '0')
      throw archiveInvalid('it holds something else than plain files');
    const path = [text('prefix'), text('name')].filter((part) => part !== '').join('/');
    const size = number('size');
    const from = at + block;
    if (from + size > archive.byteLength) throw archiveInvalid('it ends too early');
    if (files.has(path)) throw archiveInvalid('a file stands in it twice');
    if (files.size === maxEntries) throw archiveInvalid(`it holds more than ${maxEntries} files`);
    files.set(path, archive.subarray(from, from + size));
    at = from + size + padding(size);
  }
  return files;
}
