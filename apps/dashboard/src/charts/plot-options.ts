import type uPlot from 'uplot';

/** One series of a plot. Values stand at the plot's x, null where there is none. */
export interface Line {
  name: string;
  values: readonly (number | null)[];
  /** A colour of tokens.css, e.g. `var(--series-1)`. */
  colour: string;
  kind?: 'line' | 'dashed' | 'area' | 'bar';
  /** Pixels; default 1.5. */
  width?: number;
  hidden?: boolean;
}

export interface PlotShape {
  /** Whether x is seconds since the epoch; else a count. */
  time?: boolean;
  log?: boolean;
  /** Lines stand on each other, the first at the bottom. */
  stacked?: boolean;
  /** The top of the y axis where it has one, such as 1 for shares. */
  top?: number;
  /** The ends of the x axis where it has some; default those of the data. */
  across?: [number, number];
  /** The line y = x across, for plots of what was said against what came true. */
  diagonal?: boolean;
  /** Plots of one name share their cursor. */
  together?: string;
  formatY(value: number): string;
  formatX?: ((value: number) => string) | undefined;
}

interface OptionsInput extends PlotShape {
  library: typeof uPlot;
  element: HTMLElement;
  heightPx: number;
  lines: readonly Line[];
  onCursor(index: number | null): void;
}

/** uPlot draws on a canvas, which knows no CSS variables: colours and font are read from the element as it is styled now. */
export function plotOptions(input: OptionsInput): uPlot.Options {
  const { element, heightPx, lines, log = false, time = false, library } = input;
  const resolve = colourResolver(element);
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const grid = { stroke: resolve('var(--line)'), width: 1 };
  const axis: uPlot.Axis = { font, stroke: resolve('var(--ink-2)'), ticks: { show: false }, gap: 6 };
  const bars = library.paths.bars!({ size: [0.7, 24] });
  return {
    width: element.clientWidth,
    height: heightPx,
    // Half of the last label on the right.
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: {
      points: { size: 7 },
      drag: { x: true, y: false },
      ...(input.together && { sync: { key: input.together, setSeries: false } }),
    },
    scales: { x: { time, ...(input.across && { range: input.across }) }, y: yScale(input) },
    axes: [
      {
        ...axis,
        size: 26,
        grid: { show: false },
        space: time ? 70 : 50,
        ...(time
          ? { values: (plot, splits) => timeLabels(splits, plot.scales.x!) }
          : {
              ...(!input.across && { incrs: countSteps }),
              values: (_plot, splits) => splits.map((x) => (input.formatX ?? String)(x)),
            }),
      },
      {
        ...axis,
        size: 50,
        grid,
        space: 34,
        values: (_plot, splits) => splits.map((y) => (y === null ? '' : input.formatY(y))),
        // By default uPlot labels whole decades only, of which a loss curve may span none.
        ...(log && {
          filter: (_plot: uPlot, splits: number[]) => splits.map((y) => (isOneTwoFive(y) ? y : null)),
        }),
      },
    ],
    series: [
      {},
      // The tallest of a stack first, so that the lower ones are drawn over it.
      ...inDrawingOrder(lines, input.stacked).map((line): uPlot.Series => {
        const stroke = resolve(line.colour);
        const filled = line.kind === 'bar' || line.kind === 'area';
        return {
          label: line.name,
          stroke,
          show: !line.hidden,
          // Over time a gap says that nothing was measured; over steps, that another curve has a point there.
          spanGaps: !time,
          width: line.kind === 'bar' ? 0 : (line.width ?? 1.5),
          ...(line.kind === 'dashed' && { dash: [5, 4] }),
          ...(filled && { fill: line.kind === 'bar' || input.stacked ? stroke : fade(stroke) }),
          ...(line.kind === 'bar' && { paths: bars }),
          points: line.kind === 'bar' ? { show: false } : { size: 5, space: 24, fill: stroke, filter: alone },
        };
      }),
    ],
    hooks: {
      setCursor: [(plot) => input.onCursor(plot.cursor.idx ?? null)],
      ...(input.diagonal && { drawAxes: [(plot) => drawDiagonal(plot, resolve('var(--line-strong)'))] }),
    },
  };
}

/** The data in uPlot's form; of a stack, each line with all below it. */
export function plotData(x: readonly number[], lines: readonly Line[], stacked = false): uPlot.AlignedData {
  if (!stacked) return [[...x], ...lines.map(({ values }) => [...values])];
  const sums = x.map(() => 0);
  const piled = lines.map(({ values, hidden }) =>
    x.map((_, at) => {
      sums[at]! += hidden ? 0 : (values[at] ?? 0);
      return sums[at]!;
    }),
  );
  return [[...x], ...piled.toReversed()];
}

export function inDrawingOrder(lines: readonly Line[], stacked = false): readonly Line[] {
  return stacked ? lines.toReversed() : lines;
}

/** Where there is no room for every dot, one that no line reaches is drawn all the same. */
const alone: uPlot.Series.Points.Filter = (plot, series, show) => {
  if (show) return null;
  const values = plot.data[series] ?? [];
  const isGap = (at: number) => values[at] === null || values[at] === undefined;
  return [...values.keys()].filter((at) => !isGap(at) && isGap(at - 1) && isGap(at + 1));
};

const countSteps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500, 5000, 10_000];

function yScale({ log, top }: PlotShape): uPlot.Scale {
  if (log) {
    return {
      distr: 3,
      range: (_plot, min, max) => [(min > 0 ? min : 1e-6) / 1.15, Math.max(max, 1e-6) * 1.15],
    };
  }
  return { range: (_plot, min, max) => [Math.min(0, min ?? 0), top ?? ((max ?? 0) > 0 ? max * 1.1 : 1)] };
}

/** Local hours and minutes; the day too where the range holds several. */
function timeLabels(splits: number[], { min = 0, max = 0 }: uPlot.Scale): string[] {
  const long = max - min > 2 * 86_400;
  return splits.map((seconds) =>
    new Date(seconds * 1000).toLocaleString(
      undefined,
      long ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit', hour12: false },
    ),
  );
}

function isOneTwoFive(value: number): boolean {
  const mantissa = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 5].some((digit) => Math.abs(mantissa - digit) < 0.01);
}

function drawDiagonal({ ctx, bbox }: uPlot, stroke: string): void {
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, bbox.top + bbox.height);
  ctx.lineTo(bbox.left + bbox.width, bbox.top);
  ctx.stroke();
  ctx.restore();
}

/** A resolved colour, see-through enough for the grid to show behind it. */
function fade(colour: string): string {
  return colour.replace(/^rgb\((.+)\)$/, 'rgba($1, 0.14)');
}

/** Turns any CSS colour, variables and light-dark() included, into one that a canvas takes. */
function colourResolver(element: HTMLElement): (colour: string) => string {
  return (colour) => {
    const probe = document.createElement('span');
    probe.style.color = colour;
    element.append(probe);
    const resolved = getComputedStyle(probe).color;
    probe.remove();
    return resolved;
  };
}
