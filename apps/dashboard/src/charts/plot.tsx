import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { theme } from '../theme.js';
import { type Line, type PlotShape, plotData, plotOptions } from './plot-options.js';

interface PlotProps extends PlotShape {
  x: readonly number[];
  lines: readonly Line[];
  heightPx: number;
  /** What it shows, to who cannot see it. */
  label: string;
  /** The index that is pointed at, null when none is. */
  cursor: number | null;
  onCursor(index: number | null): void;
}

/**
 * A plot and nothing around it. Pointing at it, or the arrow keys once it has the focus, moves the cursor; dragging
 * zooms, a double click zooms out.
 */
export function Plot(props: PlotProps) {
  const { x, lines, heightPx, label, cursor, onCursor, log, stacked } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([
    lines.map(({ name, colour, kind, hidden }) => [name, colour, kind, stacked ? 0 : hidden]),
    [log, props.time, props.top, stacked],
  ]);

  // A new plot only where its structure changes: new points alone are set on the one there is.
  useEffect(() => {
    const element = holder.current!;
    let resized: ResizeObserver | undefined;
    let gone = false;
    const draw = async () => {
      const { default: library } = await import('./uplot.js');
      if (gone) return;
      const now = latest.current;
      const options = plotOptions({
        ...now,
        library,
        element,
        onCursor: (at) => latest.current.onCursor(at),
      });
      const made = new library(options, plotData(now.x, now.lines, now.stacked), element);
      plot.current = made;
      resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: now.heightPx }));
      resized.observe(element);
    };
    void draw();
    return () => {
      gone = true;
      resized?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, heightPx, theme.value]);

  useEffect(() => plot.current?.setData(plotData(x, lines, stacked)), [x, lines, stacked]);

  const moveCursor = (event: KeyboardEvent) => {
    const made = plot.current;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!made || by === undefined) return;
    event.preventDefault();
    const last = x.length - 1;
    const index = Math.min(last, Math.max(0, (cursor ?? (by > 0 ? -1 : last + 1)) + by));
    made.setCursor({ left: made.valToPos(x[index]!, 'x'), top: made.over.clientHeight / 2 });
  };

  return (
    <div
      ref={holder}
      class="plot"
      role="img"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move its cursor
      tabIndex={0}
      aria-label={`${label} Arrow keys move the read-out.`}
      style={{ height: `${heightPx}px` }}
      onKeyDown={moveCursor}
      onBlur={() => onCursor(null)}
    />
  );
}
