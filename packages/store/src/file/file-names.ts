/**
 * How keys become file names. Requirements: injective; never longer than 255 bytes; equal on file systems that fold
 * case or normalise Unicode; a key and a folder of the same name may exist side by side (`a` and `a/b`); names such as
 * Scion's own keys stay readable.
 *
 * - Bytes other than `a-z 0-9 _ ! -` become `%xx` (lower-case hex).
 * - An object's name holds a literal `.`: its own dots stay (but for a leading one), and where there is none `.%` is
 *   appended, which no escape yields. A folder's name never holds one: its dots become `%2e`. So a name tells its kind.
 * - A segment of 80 bytes or more is cut after every 80: each piece but the last becomes a folder `…%~`, dots escaped.
 *   As every piece has exactly 80 bytes and every other name fewer, no key outside a piece's folder sorts between keys
 *   inside it. The last piece may be empty: then a folder is called `%` and an object `.%`.
 *
 * Bytes are handled as "byte strings": one character U+0000 to U+00FF for each byte of UTF-8, so that `<` and
 * `startsWith` mean what they mean on bytes.
 */
const pieceBytes = 80;
const pieceSuffix = '%~';
const emptyFolder = '%';
const objectSuffix = '.%';

export const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
export const fromBytes = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** The names on disk, outermost first, of the folders on the way to `key` and of its file. */
export function pathOf(key: string): { folders: string[]; file: string } {
  const segments = key.split('/').map(toBytes);
  const last = cut(segments.pop()!);
  return { folders: [...segments.flatMap(folderPath), ...last.pieces], file: objectName(last.rest) };
}

/** The names on disk of the folders that hold the keys behind `folder`, which is empty or ends in `/`. */
export function foldersOf(folder: string): string[] {
  return folder.split('/').slice(0, -1).map(toBytes).flatMap(folderPath);
}

export interface DiskEntry {
  kind: 'object' | 'folder' | 'piece';
  name: string;
  /** What the entry adds to the key, as bytes: a folder's ends in `/`. Orders the entries of one folder. */
  bytes: string;
}

/** What a name on disk stands for; undefined for one that this store never writes. */
export function readName(name: string, insidePiece: boolean): DiskEntry | undefined {
  if (name.endsWith(pieceSuffix)) {
    const bytes = unescapeAll(name.slice(0, -pieceSuffix.length));
    const ours = bytes.length === pieceBytes && pieceName(bytes) === name;
    return ours ? { kind: 'piece', name, bytes } : undefined;
  }
  const isObject = name.includes('.');
  const escaped = isObject && name.endsWith(objectSuffix) ? name.slice(0, -objectSuffix.length) : name;
  const bytes = name === emptyFolder ? '' : unescapeAll(escaped);
  if (bytes.length >= pieceBytes || (bytes === '' && !insidePiece)) return undefined;
  if ((isObject ? objectName(bytes) : folderName(bytes)) !== name) return undefined;
  return isObject ? { kind: 'object', name, bytes } : { kind: 'folder', name, bytes: `${bytes}/` };
}

function folderPath(segment: string): string[] {
  const { pieces, rest } = cut(segment);
  return [...pieces, folderName(rest)];
}

function cut(segment: string): { pieces: string[]; rest: string } {
  const pieces: string[] = [];
  let from = 0;
  for (; segment.length - from >= pieceBytes; from += pieceBytes) {
    pieces.push(pieceName(segment.slice(from, from + pieceBytes)));
  }
  return { pieces, rest: segment.slice(from) };
}

const escapeOne = (character: string) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
const unescapeAll = (name: string) =>
  name.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
const folderName = (bytes: string) =>
  bytes === '' ? emptyFolder : bytes.replace(/[^a-z0-9_!-]/g, escapeOne);
const pieceName = (bytes: string) => folderName(bytes) + pieceSuffix;

function objectName(bytes: string): string {
  const name = bytes.replace(/^\.|[^a-z0-9_!.-]/g, escapeOne);
  return name.includes('.') ? name : name + objectSuffix;
}
