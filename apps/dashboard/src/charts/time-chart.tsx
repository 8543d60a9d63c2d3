import { useMemo, useState } from 'preact/hooks';
import { exactTime, localTime } from '../format.js';
import { Plot } from './plot.js';
import type { Line, PlotShape } from './plot-options.js';

interface TimeChartProps extends Omit<PlotShape, 'time' | 'formatX'> {
  /** Starts of the buckets, RFC 3339. */
  at: readonly string[];
  lines: readonly Line[];
  label: string;
  heightPx?: number;
  /** A value with its unit and all its digits, for the read-out; default `formatY`. */
  formatExact?(value: number): string;
}

/** What happened over time, with a legend that is its read-out: the latest values, or those pointed at. */
export function TimeChart({ at, lines, label, heightPx = 168, formatExact, ...shape }: TimeChartProps) {
  const [cursor, setCursor] = useState<number | null>(null);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const index = cursor ?? lastWithValue(lines, at.length);
  const shown = useMemo(
    () => lines.map((line) => ({ ...line, hidden: hidden.includes(line.name) })),
    [lines, hidden],
  );
  const x = useMemo(() => at.map((moment) => Date.parse(moment) / 1000), [at]);
  const format = formatExact ?? shape.formatY;
  const moment = at[index];
  return (
    <figure class="chart">
      <figcaption class="legend">
        {shown.map((line) => (
          <button
            key={line.name}
            type="button"
            class="legend-line"
            aria-pressed={!line.hidden}
            title={line.hidden ? `Show ${line.name}` : `Hide ${line.name}`}
            onClick={() =>
              setHidden(line.hidden ? hidden.filter((name) => name !== line.name) : [...hidden, line.name])
            }
          >
            <span class={`swatch swatch-${line.kind ?? 'line'}`} style={{ color: line.colour }} />
            {line.name}
            <strong>{shownAt(line, index, format)}</strong>
          </button>
        ))}
        {moment && (
          <time class="legend-time" dateTime={moment} title={exactTime(moment)}>
            {cursor === null ? 'latest' : localTime(moment, Date.now())}
          </time>
        )}
      </figcaption>
      <Plot
        {...shape}
        time
        x={x}
        lines={shown}
        heightPx={heightPx}
        label={label}
        cursor={cursor}
        onCursor={setCursor}
      />
    </figure>
  );
}

function shownAt({ values }: Line, index: number, format: (value: number) => string): string {
  const value = values[index];
  return value === null || value === undefined ? '–' : format(value);
}

function lastWithValue(lines: readonly Line[], count: number): number {
  for (let at = count - 1; at >= 0; at -= 1) {
    if (lines.some(({ values }) => values[at] !== null && values[at] !== undefined)) return at;
  }
  return count - 1;
}
