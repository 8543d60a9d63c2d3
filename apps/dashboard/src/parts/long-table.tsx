import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { rowWindow } from '../data/row-window.js';
import type { Rows } from '../data/rows.js';
import { ErrorNote, Loading } from './notice.js';

interface LongTableProps<T> {
  rows: Rows<T>;
  /** Says what the rows are, to who cannot see it. */
  caption: string;
  head: ComponentChildren;
  idOf(row: T): string;
  /** Exactly one `<tr>`; `index` goes into its `aria-rowindex`. */
  row(row: T, index: number): ComponentChildren;
  /** Of a word: `jobs`. */
  what: string;
  /** Shown when there is none. */
  empty: ComponentChildren;
}

/** Pixels; `.long-table` in lists.css gives every row this height. */
const rowPx = 48;

/**
 * A table of any length that scrolls with the page: only the rows about to be seen are in the document, and further
 * pages are fetched before they come into view. Arrow keys go from row to row.
 */
export function LongTable<T>(props: LongTableProps<T>) {
  const { rows, what, empty } = props;
  const { rows: list, error, hasMore } = rows;
  const waits = !list || (list.length === 0 && hasMore);
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={rows.refresh} stale={!!list} />}
      {waits && error === undefined && <Loading rows={8} what={what} />}
      {!waits && (list.length === 0 ? empty : <FilledTable {...props} />)}
    </>
  );
}

function FilledTable<T>({ rows, caption, head, idOf, row }: LongTableProps<T>) {
  const table = useRef<HTMLTableElement>(null);
  const list = rows.rows ?? [];
  const [range, setRange] = useState({ from: 0, to: 40 });
  const current = useRef(rows);
  current.current = rows;

  const measure = () => {
    const count = current.current.rows?.length ?? 0;
    const { current: shown } = table;
    const topPx = shown ? shown.getBoundingClientRect().top + (shown.tHead?.offsetHeight ?? 0) : 0;
    const next = rowWindow({ topPx, viewPx: innerHeight, rowPx, count });
    setRange((before) => (before.from === next.from && before.to === next.to ? before : next));
    current.current.look(Math.max(0, Math.floor(-topPx / rowPx)));
    if (current.current.hasMore && next.to >= count - 30) current.current.loadMore();
  };

  useEffect(() => {
    let frame: number | undefined;
    const soon = () => {
      frame ??= requestAnimationFrame(() => {
        frame = undefined;
        measure();
      });
    };
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon, { passive: true });
    return () => {
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, []);
  useLayoutEffect(measure, [list.length, rows.hasMore]);

  const to = Math.min(range.to, list.length);
  const from = Math.min(range.from, to);
  return (
    <table ref={table} class="long-table" aria-rowcount={rows.hasMore ? -1 : list.length + 1}>
      <caption class="hidden-text">{caption}</caption>
      <thead>{head}</thead>
      <Spacer heightPx={from * rowPx} />
      <tbody onKeyDown={moveBetweenRows}>
        {list.slice(from, to).map((item, at) => (
          // The key keeps a row, and the focus in it, where it is while others come and go.
          <RowOf key={idOf(item)}>{row(item, from + at + 2)}</RowOf>
        ))}
      </tbody>
      <Spacer heightPx={(list.length - to) * rowPx} />
    </table>
  );
}

function RowOf({ children }: { children: ComponentChildren }) {
  return <>{children}</>;
}

function Spacer({ heightPx }: { heightPx: number }) {
  if (heightPx <= 0) return null;
  return (
    <tbody class="spacer" aria-hidden="true">
      <tr>
        <td style={{ height: `${heightPx}px` }} />
      </tr>
    </tbody>
  );
}

function moveBetweenRows(event: KeyboardEvent): void {
  const by = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key] as
    | 'nextElementSibling'
    | 'previousElementSibling'
    | undefined;
  const row = (event.target as Element).closest('tr');
  if (!by || !row) return;
  const link = row[by]?.querySelector<HTMLElement>('.row-link');
  if (!link) return;
  event.preventDefault();
  link.focus({ preventScroll: true });
  link.closest('tr')?.scrollIntoView({ block: 'nearest' });
}
