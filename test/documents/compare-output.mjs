/** What differs from run to run: moments, ids, hashes, keys, numbers, and the padding that numbers make. */
function normalize(text) {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\b([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b/g, '$1_<id>')
    .replace(/\b(scion_operator|scion|whsec)_[\w+/=-]{20,}/g, '$1_<secret>')
    .replace(/(?<![.\w])[0-9a-f]{12,64}\b/g, '<hash>')
    .replace(/\d+(\.\d+)?(e-?\d+)?/g, '#')
    .replace(/# (ms|s|min)\b/g, '# <duration>')
    .trim();
}

const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Whether a document shows what was printed. Numbers, ids, hashes and moments may differ, words may not; `…` stands for
 * anything within its line, and for any lines where it stands alone. White space counts in `json` blocks not at all.
 */
export function shows(expected, printed, kind) {
  const squeeze =
    kind === 'json' ? (text) => text.replace(/\s+/g, '') : (text) => text.replace(/[ \t]+/g, ' ');
  const pattern = normalize(expected)
    .split('\n')
    .map((line) => squeeze(line.trim()))
    .map((line) =>
      line === '…' ? '(?:[^\\n]*\\n)*?[^\\n]*' : line.split('…').map(literally).join('[^\\n]*'),
    )
    .join(kind === 'json' ? '' : '\\n');
  const text = normalize(printed)
    .split('\n')
    .map((line) => squeeze(line.trim()))
    .join(kind === 'json' ? '' : '\n');
  return new RegExp(`^${pattern}$`, 'u').test(text);
}
