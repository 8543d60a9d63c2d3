export interface RowRange {
  from: number;
  to: number;
}

/** Rows kept ready above and below what is in view, so that a quick scroll meets no gap. */
const SPARE_ROWS = 8;

/**
 * Which rows of a long list are worth having in the document.
 *
 * @param topPx where the list's first row stands, from the top of the window; negative once scrolled past
 * @returns the first index and the one after the last
 */
export function rowWindow(input: {
  topPx: number;
  viewPx: number;
  rowPx: number;
  count: number;
  spareRows?: number;
}): RowRange {
  const { topPx, viewPx, rowPx, count, spareRows = SPARE_ROWS } = input;
  const first = Math.floor(-topPx / rowPx) - spareRows;
  const last = Math.ceil((viewPx - topPx) / rowPx) + spareRows;
  const from = Math.min(Math.max(0, first), count);
  return { from, to: Math.min(count, Math.max(from, last)) };
}
