import { AppError } from '@scion/contracts';

const plain = /^[a-z0-9_-]$/;
/** Most file systems take 255 bytes a name; 240 leaves room for the suffixes of a writer's temporary file. */
const pieceBytes = 240;

/**
 * Writes any well-formed string as a key segment: `[a-z0-9_-]` stand for themselves, every other UTF-8 byte becomes
 * `!xx` in lower-case hex, so that keys neither differ in case alone nor hold `/` or a leading dot. A result longer than
 * 240 bytes is split into pieces joined by `!/`, since disks cap the length of a name; `!` is never last in a
 * complete segment, so a reader can tell.
 */
export function escapeSegment(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    // Lone surrogates would all become U+FFFD, and two users would share a folder.
    throw new AppError('invalid_request', 'A name holds a lone surrogate; send well-formed Unicode.');
  }
  const pieces: string[] = [];
  let piece = '';
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    const unit = plain.test(char) ? char : `!${byte.toString(16).padStart(2, '0')}`;
    if (piece.length + unit.length > pieceBytes) {
      pieces.push(piece);
      piece = '';
    }
    piece += unit;
  }
  pieces.push(piece);
  return pieces.join('!/');
}

/** The inverse of `escapeSegment`; undefined for anything that function does not write. */
export function unescapeSegment(segment: string): string | undefined {
  const joined = segment.replaceAll('!/', '');
  if (!/^(?:[a-z0-9_-]|![0-9a-f]{2})*$/.test(joined)) return undefined;
  const bytes: number[] = [];
  for (let at = 0; at < joined.length; at += 1) {
    if (joined[at] === '!') {
      bytes.push(Number.parseInt(joined.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      bytes.push(joined.charCodeAt(at));
    }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    return escapeSegment(text) === segment ? text : undefined;
  } catch {
    return undefined;
  }
}
