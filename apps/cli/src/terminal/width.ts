import { stripVTControlCharacters } from 'node:util';

/** Select Graphic Rendition; built from text, since a literal would hold a control character. */
const rendition = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;]*m)`);
/** Two columns each: CJK, kana, hangul, full-width forms, and what is drawn as emoji. */
const wide =
  /^(?:\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\uff01-\uff60]|\p{Emoji_Presentation})/u;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u;
const segmenter = new Intl.Segmenter();

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(stripVTControlCharacters(text)))
    width += invisible.test(segment) ? 0 : wide.test(segment) ? 2 : 1;
  return width;
}

export function pad(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return side === 'left' ? text + space : space + text;
}

/** Cuts a text to a width, with an ellipsis where something is lost. Escapes take no columns, and are ended. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const part of text.split(rendition)) {
    if (part.startsWith('\x1b[')) {
      kept += part;
      continue;
    }
    for (const { segment } of segmenter.segment(part)) {
      used += widthOf(segment);
      if (used > width - 1) return `${kept}…${kept.includes('\x1b[') ? '\x1b[0m' : ''}`;
      kept += segment;
    }
  }
  return kept;
}

/** Control characters of other people's data must not reach the terminal, where they could rewrite the screen. */
export function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(/\p{Cc}/gu, '�');
}
