import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
  title: string;
  /** The unit, the span, the number of rows: what a reader needs beside the title. */
  note?: ComponentChildren;
  actions?: ComponentChildren;
  /** Content that brings its own padding, such as a table. */
  flush?: boolean;
  /** How many of twelve columns it takes where there is room; default all. */
  span?: 3 | 4 | 5 | 6 | 7 | 8 | 12;
  children: ComponentChildren;
}

/** One question and its answer, in a frame. */
export function Panel({ title, note, actions, flush = false, span = 12, children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel span-${span}${flush ? ' panel-flush' : ''}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note && <span class="panel-note">{note}</span>}
        {actions && <div class="panel-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
