import type { Page } from '@scion/sdk';

/** What is known of a long list: its beginning, read page by page. */
export interface KnownRows<T> {
  /** Undefined until the first answer. */
  rows: T[] | undefined;
  /** Where what follows `rows` is read from; null at the end. */
  next: string | null;
  /** Where pages after the first begin: their cursor, and the row they follow. */
  starts: Start[];
}

/** A page and where it was read from. */
export interface ReadPage<T> {
  cursor: string;
  page: Page<T>;
}

export interface Start {
  cursor: string;
  after: string;
}

/**
 * The rows after a page was read anew, the first one or that of `start`: it replaces all that was known between its
 * start and its last row. Where that row is not known, too much has changed in between, and the list begins anew behind
 * the page: no row may be missing between two that are shown.
 */
export function mergePage<T>(
  { rows = [], next, starts }: KnownRows<T>,
  start: Start | undefined,
  page: Page<T>,
  idOf: (row: T) => string,
): KnownRows<T> {
  const ids = rows.map(idOf);
  const from = start ? ids.indexOf(start.after) + 1 : 0;
  const last = page.data.at(-1);
  const { nextCursor } = page;
  const at = last && nextCursor !== null ? ids.indexOf(idOf(last), from) : -1;
  // A row that moved while pages were read stands where it was read last.
  const fresh = new Set(page.data.map(idOf));
  const others = (some: T[]) => some.filter((row) => !fresh.has(idOf(row)));
  const head = others(rows.slice(0, from));
  const begun = starts.filter(({ after }) => ids.slice(0, from).includes(after));
  if (!last || nextCursor === null || at < 0) {
    return { rows: [...head, ...page.data], next: nextCursor, starts: begun };
  }
  const tail = others(rows.slice(at + 1));
  // Rows that left or came moved the end of the page: the next one begins there, in the place of one that began nearby.
  const further = starts.filter(({ after }) => ids.indexOf(after) >= at + page.data.length);
  return tail.length > 0
    ? {
        rows: [...head, ...page.data, ...tail],
        next,
        starts: [...begun, { cursor: nextCursor, after: idOf(last) }, ...further],
      }
    : { rows: [...head, ...page.data], next: next ?? nextCursor, starts: begun };
}

/**
 * Adds the page read from `cursor`, which was asked for when the rows ended at `end`. Where they end elsewhere by now it
 * does not follow them, and what is known stays as it is. A row that is known already (it moved while pages were read)
 * stays where it was.
 */
export function appendPage<T>(
  known: KnownRows<T>,
  end: string,
  { cursor, page }: ReadPage<T>,
  idOf: (row: T) => string,
): KnownRows<T> {
  if (known.next !== end) return known;
  const { rows = [], starts } = known;
  const ids = new Set(rows.map(idOf));
  const last = rows.at(-1);
  return {
    rows: [...rows, ...page.data.filter((row) => !ids.has(idOf(row)))],
    next: page.nextCursor,
    starts: last ? [...starts, { cursor, after: idOf(last) }] : [],
  };
}

/** The page that holds a row, undefined for the first one. */
export function startOf<T>(
  { rows = [], starts }: KnownRows<T>,
  index: number,
  idOf: (row: T) => string,
): Start | undefined {
  if (starts.length === 0) return undefined;
  const before = new Set(rows.slice(0, index).map(idOf));
  return starts.findLast(({ after }) => before.has(after));
}
