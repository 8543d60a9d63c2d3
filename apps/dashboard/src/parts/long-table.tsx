import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { assignSlots } from '../data/row-slots.js';
import { type RowRange, rowWindow } from '../data/row-window.js';
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
  const [range, setRange] = useState<RowRange>({ from: 0, to: 40 });
  const current = useRef({ rows, range });
  current.current = { rows, range };
  const frame = useRef<number | undefined>(undefined);
  const slots = useRef<ReadonlyMap<string, number>>(new Map());

  const measure = () => {
    const { rows, range } = current.current;
    const count = rows.rows?.length ?? 0;
    const { current: shown } = table;
    const topPx = shown ? shown.getBoundingClientRect().top + (shown.tHead?.offsetHeight ?? 0) : 0;
    const place = { topPx, viewPx: innerHeight, rowPx, count };
    const near = rowWindow(place);
    // After a jump what is in view comes first, and what is near it with the next frame.
    const jumps = near.to <= range.from || near.from >= range.to;
    const next = jumps ? rowWindow({ ...place, spareRows: 0 }) : near;
    if (jumps) soon();
    if (range.from !== next.from || range.to !== next.to) {
      current.current.range = next;
      setRange(next);
    }
    rows.look(Math.max(0, Math.floor(-topPx / rowPx)));
    if (rows.hasMore && next.to >= count - 30) rows.loadMore();
  };
  const latest = useRef(measure);
  latest.current = measure;
  const soon = () => {
    frame.current ??= requestAnimationFrame(() => {
      frame.current = undefined;
      latest.current();
    });
  };

  useEffect(() => {
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon, { passive: true });
    return () => {
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      if (frame.current !== undefined) cancelAnimationFrame(frame.current);
    };
  }, []);
  useLayoutEffect(measure, [list.length, rows.hasMore]);

  const to = Math.min(range.to, list.length);
  const from = Math.min(range.from, to);
  const shown = list.slice(from, to);
  const hasFocus = table.current?.contains(document.activeElement) ?? false;
  slots.current = assignSlots(slots.current, shown.map(idOf), !hasFocus);
  return (
    <table ref={table} class="long-table" aria-rowcount={rows.hasMore ? -1 : list.length + 1}>
      <caption class="hidden-text">{caption}</caption>
      <thead>{head}</thead>
      <Spacer heightPx={from * rowPx} />
      <tbody onKeyDown={moveBetweenRows}>
        {shown.map((item, at) => (
          // The slot keeps a row, and the focus in it, where it is while others come and go.
          <RowOf key={slots.current.get(idOf(item))}>{row(item, from + at + 2)}</RowOf>
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
