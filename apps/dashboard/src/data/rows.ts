import type { Page } from '@scion/sdk';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { appendPage, type KnownRows, mergePage, startOf } from './merge-rows.js';
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

interface Loaded<T> extends KnownRows<T> {
  key: string;
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
    const signal = alive.current;
    if (fetchesMore.current || !signal) return;
    fetchesMore.current = true;
    try {
      const { load, idOf } = current.current;
      for (let isAdded = false; !isAdded; ) {
        const { next } = latest.current;
        if (next === null) break;
        const read = await loadFilled(load, next, signal);
        if (signal.aborted) return;
        const known = appendPage(latest.current, next, read, idOf);
        // Where the list began anew meanwhile, more of the new one is wanted.
        isAdded = known !== latest.current;
        publish({ ...known, error: undefined });
      }
    } catch (error) {
      if (!signal.aborted) publish({ error });
    }
    if (!signal.aborted) fetchesMore.current = false;
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
          const first = await loadFilled(load, undefined, signal);
          if (signal.aborted) return;
          publish({ ...mergePage(latest.current, undefined, first.page, idOf), error: undefined });
          const start = startOf(latest.current, inView.current, idOf);
          if (!start) return;
          const { page } = await loadFilled(load, start.cursor, signal);
          if (!signal.aborted) publish(mergePage(latest.current, start, page, idOf));
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

/** Reads on over pages that are empty and not the last one, as there are where a filter lets little through. */
async function loadFilled<T, Cursor extends string | undefined>(
  load: RowsInput<T>['load'],
  from: Cursor,
  signal: AbortSignal,
): Promise<{ cursor: Cursor | string; page: Page<T> }> {
  let cursor: Cursor | string = from;
  let page = await load(cursor, signal);
  while (!signal.aborted && page.data.length === 0 && page.nextCursor !== null) {
    cursor = page.nextCursor;
    page = await load(cursor, signal);
  }
  return { cursor, page };
}
