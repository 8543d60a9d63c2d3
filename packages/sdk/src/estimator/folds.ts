import type { Answer } from '@scion/contracts';

/** A repeatable source of numbers in [0, 1): mulberry32 (public domain, Tommy Ettinger). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Each text once, in random order label after label: whatever takes every n-th of them takes labels evenly. */
function dealingOrder(texts: readonly string[], answers: readonly Answer[], seed: number): string[] {
  const random = createRandom(seed);
  const byLabel = new Map<string, Set<string>>();
  const seen = new Set<string>();
  for (const [row, text] of texts.entries()) {
    if (seen.has(text)) continue;
    seen.add(text);
    const answer = answers[row]!;
    const label = typeof answer === 'number' ? '' : JSON.stringify(answer);
    byLabel.set(label, (byLabel.get(label) ?? new Set()).add(text));
  }
  return [...byLabel.keys()].sort().flatMap((label) => shuffle([...byLabel.get(label)!], random));
}

/**
 * Deals rows over folds: every label as evenly as it can be, rows of one text together, so that no row is tested on its
 * own copy. The same seed and rows give the same folds. Returns the fold of each row, 0 to `count` − 1.
 */
export function dealFolds(
  texts: readonly string[],
  answers: readonly Answer[],
  count: number,
  seed: number,
): number[] {
  const order = dealingOrder(texts, answers, seed);
  const foldOf = new Map(order.map((text, at): [string, number] => [text, at % count]));
  return texts.map((text) => foldOf.get(text)!);
}

/** A share of the rows, dealt likewise: at least one text, never all. Throws TypeError where there is but one. */
export function holdBack(
  texts: readonly string[],
  answers: readonly Answer[],
  share: number,
  seed: number,
): Set<number> {
  if (share === 0) return new Set();
  const order = dealingOrder(texts, answers, seed);
  if (order.length === 1)
    throw new TypeError('validationSplit needs two different texts: one to hold back, one to learn from');
  const held = new Set(order.filter((_, at) => Math.floor((at + 1) * share) > Math.floor(at * share)));
  if (held.size === 0) held.add(order.at(-1)!);
  return new Set(texts.flatMap((text, row) => (held.has(text) ? [row] : [])));
}

/** Fisher and Yates. */
function shuffle<T>(values: T[], random: () => number): T[] {
  for (let at = values.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [values[at], values[other]] = [values[other]!, values[at]!];
  }
  return values;
}
