import type { Page } from '@scion/sdk';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { pollWhileVisible } from './poll-while-visible.js';

/** A long list, fetched page by page as far as someone has scrolled. */
export interface Rows<T> {
  /** Undefined until the first answer. */
  rows: T[] | undefined;
  /** There is more than `rows` holds. */
  hasMore: boolean;
  error: unknown;
  loadMore(): void;
  refresh(): void;
  /** Tells which row is in view, so that its page is kept current like the first one. */
  look(index: number): void;
}

interface Loaded<T> {
  key: string;
  rows: T[] | undefined;
  next: string | null;
  /** Where each page after the first begins: its cursor, and the row it follows. */
  starts: { cursor: string; after: string }[];
  error: unknown;
}

interface RowsInput<T> {
  /** Names everything that `load` depends on. */
  key: string;
  load(cursor: string | undefined, signal: AbortSignal): Promise<Page<T>>;
  idOf(row: T): string;
  intervalMs: number | ((rows: readonly T[]) => number);
}

/** Keeps the first page, and the one in view, current; the others keep what they held when they were fetched. */
export function useRows<T>(input: RowsInput<T>): Rows<T> {
  const { key } = input;
  const empty: Loaded<T> = { key, rows: undefined, next: null, starts: [], error: undefined };
  const [state, setState] = useState(empty);
  const [asked, setAsked] = useState(0);
  const current = useRef(input);
  current.current = input;
  const latest = useRef(state);
  const fetchesMore = useRef(false);
  const inView = useRef(0);
  const alive = useRef<AbortSignal | undefined>(undefined);

  const publish = useCallback((change: Partial<Loaded<T>>) => {
    latest.current = { ...latest.current, ...change };
    setState(latest.current);
  }, []);

  const loadMore = useCallback(async () => {
    const { rows, next } = latest.current;
    const signal = alive.current;
    if (fetchesMore.current || next === null || !rows || !signal) return;
    fetchesMore.current = true;
    try {
      const { load, idOf } = current.current;
      let cursor = next;
      let page = await load(cursor, signal);
      while (!signal.aborted && page.data.length === 0 && page.nextCursor !== null) {
        cursor = page.nextCursor;
        page = await load(cursor, signal);
      }
      if (signal.aborted) return;
      const last = rows.at(-1);
      publish({
        ...appendPage(latest.current, page, idOf),
        starts: last ? [...latest.current.starts, { cursor, after: idOf(last) }] : [],
      });
    } catch (error) {
      if (!signal.aborted) publish({ error });
    }
    fetchesMore.current = false;
  }, []);

  // `asked` is what `refresh` changes to run this again.
  useEffect(() => {
    if (latest.current.key !== key) {
      latest.current = { ...empty };
      inView.current = 0;
    }
    fetchesMore.current = false;
    return pollWhileVisible(
      async (signal) => {
        alive.current = signal;
        const { load, idOf } = current.current;
        try {
          const first = await load(undefined, signal);
          if (signal.aborted) return;
          publish({ ...mergeFirst(latest.current, first, idOf), error: undefined });
          // A page may be empty and not the last one, where a filter lets little through.
          if (first.data.length === 0) await loadMore();
          const start = startOf(latest.current, inView.current, idOf);
          if (!start) return;
          const page = await load(start.cursor, signal);
          if (!signal.aborted) publish({ rows: replace(latest.current.rows ?? [], page.data, idOf) });
        } catch (error) {
          if (!signal.aborted) publish({ error });
        }
      },
      () => {
        const { intervalMs } = current.current;
        return typeof intervalMs === 'function' ? intervalMs(latest.current.rows ?? []) : intervalMs;
      },
    );
  }, [key, asked]);

  const refresh = useCallback(() => setAsked((count) => count + 1), []);
  const look = useCallback((index: number) => {
    inView.current = index;
  }, []);
  const shown = state.key === key ? state : empty;
  return { rows: shown.rows, hasMore: shown.next !== null, error: shown.error, loadMore, refresh, look };
}

/**
 * The rows after the first page was read anew: it replaces what was known up to its last row. Where that row is not
 * known, too much has changed in between, and the list begins anew.
 */
export function mergeFirst<T>(
  { rows, next, starts }: Pick<Loaded<T>, 'rows' | 'next' | 'starts'>,
  first: Page<T>,
  idOf: (row: T) => string,
): Pick<Loaded<T>, 'rows' | 'next' | 'starts'> {
  const last = first.data.at(-1);
  const at =
    rows && last && first.nextCursor !== null ? rows.findIndex((row) => idOf(row) === idOf(last)) : -1;
  if (!rows || at < 0) return { rows: first.data, next: first.nextCursor, starts: [] };
  return { rows: [...first.data, ...rows.slice(at + 1)], next, starts };
}

/** Adds a page; a row that is known already (it moved while pages were read) stays where it was. */
export function appendPage<T>(
  { rows = [] }: { rows: T[] | undefined },
  page: Page<T>,
  idOf: (row: T) => string,
): { rows: T[]; next: string | null; error: undefined } {
  const known = new Set(rows.map(idOf));
  return {
    rows: [...rows, ...page.data.filter((row) => !known.has(idOf(row)))],
    next: page.nextCursor,
    error: undefined,
  };
}

function replace<T>(rows: T[], fresh: T[], idOf: (row: T) => string): T[] {
  const byId = new Map(fresh.map((row) => [idOf(row), row]));
  return rows.map((row) => byId.get(idOf(row)) ?? row);
}

/** The page that holds a row, undefined for the first one. */
function startOf<T>({ rows = [], starts }: Loaded<T>, index: number, idOf: (row: T) => string) {
  if (starts.length === 0) return undefined;
  const before = new Set(rows.slice(0, index).map(idOf));
  return starts.findLast(({ after }) => before.has(after));
}
