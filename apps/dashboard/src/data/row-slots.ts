/**
 * Gives each row that is shown a slot, which is what its elements are known by: a row keeps its slot while it is shown, and
 * one that comes takes over that of one that goes, so that elements are filled anew instead of made. Of a whole window of
 * rows that is replaced by another none moves.
 *
 * @param before slots of the rows shown until now, by their ids
 * @param reuse whether slots may change hands: not while one of them has the focus, which would then be another row's
 */
export function assignSlots(
  before: ReadonlyMap<string, number>,
  ids: readonly string[],
  reuse: boolean,
): Map<string, number> {
  const shown = new Set(ids);
  const free = reuse ? [...before].filter(([id]) => !shown.has(id)).map(([, slot]) => slot) : [];
  let next = Math.max(-1, ...before.values()) + 1;
  const after = new Map<string, number>();
  for (const id of ids) {
    let slot = before.get(id) ?? free.shift();
    if (slot === undefined) {
      slot = next;
      next += 1;
    }
    after.set(id, slot);
  }
  return after;
}
