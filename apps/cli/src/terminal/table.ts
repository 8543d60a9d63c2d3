import type { Style } from './style.js';
import { cut, oneLine, pad, widthOf } from './width.js';

export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  /** Numbers stand right. */
  align?: 'right';
  /** Where space is short, this column gives way. */
  flexible?: true;
  /** Decorates the padded cell. */
  style?(text: string, row: Row): string;
}

const gap = 2;
const leastFlexible = 8;

/**
 * Lines of a table, with a title line. Wider than `columns` it cuts its flexible column, and then leaves columns out
 * from the right; where there is no terminal, nothing is cut.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  { columns, style }: { columns: number | undefined; style: Style },
): string[] {
  const cells = rows.map((row) => all.map(({ cell }) => oneLine(cell(row))));
  const widths = all.map(({ title }, at) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[at]!)), widthOf(title)),
  );
  let shown = all.map((_, at) => at);
  if (columns !== undefined) {
    const total = () => shown.reduce((sum, at) => sum + widths[at]! + gap, -gap);
    const flexible = all.findIndex((column) => column.flexible);
    if (flexible >= 0 && total() > columns)
      widths[flexible] = Math.max(leastFlexible, widths[flexible]! - (total() - columns));
    while (total() > columns && shown.length > 1) shown = shown.slice(0, -1);
  }
  const line = (texts: readonly string[], decorate: (text: string, at: number) => string) =>
    shown
      .map((at, position) => {
        const text = cut(texts[at]!, widths[at]!);
        if (all[at]!.align === 'right') return decorate(pad(text, widths[at]!, 'right'), at);
        // Nothing stands behind the last column.
        return decorate(position === shown.length - 1 ? text : pad(text, widths[at]!), at);
      })
      .join(' '.repeat(gap));
  return [
    line(
      all.map(({ title }) => title),
      (text) => style.dim(text),
    ),
    ...cells.map((texts, at) => line(texts, (text, column) => all[column]!.style?.(text, rows[at]!) ?? text)),
  ];
}

/** `name  value` lines, names dimmed and aligned; undefined values are left out. */
export function renderFacts(facts: Readonly<Record<string, string | undefined>>, style: Style): string[] {
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => widthOf(name)));
  return shown.map(([name, value]) => `${style.dim(pad(name, width))}  ${value}`);
}
