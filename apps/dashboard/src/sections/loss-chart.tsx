import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { type Curves, valueAt } from '../curves.js';
import { loss } from '../format.js';
import { theme } from '../theme.js';
import { chartOptions, seriesColour } from './loss-chart-options.js';

/** Pixels: in proportion to the width, within what neither a phone nor a large screen finds odd. */
const heightFor = (widthPx: number) => Math.round(Math.min(360, Math.max(240, widthPx * 0.42)));

/**
 * Training loss (solid) and validation loss (dashed) over optimizer steps, one colour per fit. Pointing at it, or the
 * arrow keys once it has the focus, moves the read-out below; dragging zooms, a double click zooms out.
 */
export function LossChart({ data, growing }: { data: Curves; growing: boolean }) {
  const [log, setLog] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<number | null>(null);
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);

  const aligned = useMemo<uPlot.AlignedData>(
    () => [data.steps, ...data.curves.flatMap(({ training, validation }) => [training, validation])],
    [data],
  );
  const names = data.curves.map((curve) => curve.name);
  const shape = JSON.stringify(names);

  // A new chart only where its structure changes: new points alone are set on the one there is.
  // `shape` stands for `names`; the data is kept current by the effect below.
  useEffect(() => {
    const element = holder.current!;
    const made = new uPlot(
      chartOptions({
        element,
        heightPx: heightFor(element.clientWidth),
        names,
        log,
        isShown: (name) => !hidden.has(name),
        onCursor: setCursor,
      }),
      aligned,
      element,
    );
    chart.current = made;
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      made.setSize({ width, height: heightFor(width) });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [shape, log, theme.value]);

  useEffect(() => chart.current?.setData(aligned), [aligned]);

  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
    const at = 1 + names.indexOf(name) * 2;
    chart.current?.setSeries(at, { show: !next.has(name) });
    chart.current?.setSeries(at + 1, { show: !next.has(name) });
  };

  const moveCursor = (event: KeyboardEvent) => {
    const made = chart.current;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!made || by === undefined) return;
    event.preventDefault();
    const last = data.steps.length - 1;
    const index = Math.min(last, Math.max(0, (cursor ?? (by > 0 ? -1 : last + 1)) + by));
    made.setCursor({ left: made.valToPos(data.steps[index]!, 'x'), top: made.over.clientHeight / 2 });
  };

  const index = cursor ?? data.steps.length - 1;
  return (
    <figure class="chart">
      <div class="chart-head">
        <h4>
          Loss <span class="quiet">mean cross-entropy, nats</span>
        </h4>
        <button type="button" class="switch" role="switch" aria-checked={log} onClick={() => setLog(!log)}>
          Log scale
        </button>
      </div>
      <div
        ref={holder}
        class="chart-canvas"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move its read-out
        tabIndex={0}
        aria-label={`Loss over ${data.steps.length} steps in ${names.length} fits. Arrow keys move the read-out in the table below.`}
        onKeyDown={moveCursor}
      />
      <table class="readout">
        <caption>
          {cursor === null ? (growing ? 'Latest step' : 'Last step') : 'Step'} {data.steps[index]}
        </caption>
        <thead>
          <tr>
            <th scope="col">Fit</th>
            <th scope="col" class="number">
              <span class="stroke" /> Training
            </th>
            <th scope="col" class="number">
              <span class="stroke stroke-dashed" /> Validation
            </th>
          </tr>
        </thead>
        <tbody aria-live="off">
          {data.curves.map((curve, at) => (
            <tr key={curve.name} class={hidden.has(curve.name) ? 'readout-off' : ''}>
              <th scope="row">
                <button
                  type="button"
                  class="series"
                  aria-pressed={!hidden.has(curve.name)}
                  onClick={() => toggle(curve.name)}
                >
                  <span class="swatch" style={{ backgroundColor: seriesColour(at) }} />
                  {curve.name}
                </button>
              </th>
              <td class="number">{shown(valueAt(curve.training, index))}</td>
              <td class="number">{shown(valueAt(curve.validation, index))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function shown(value: number | null): string {
  return value === null ? '–' : loss(value);
}
