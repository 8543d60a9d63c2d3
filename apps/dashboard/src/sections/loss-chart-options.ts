import type uPlot from 'uplot';
import { loss } from '../format.js';

/** Colours defined in tokens.css; more fits than these share them in turn. */
const colourCount = 7;

/** The CSS colour of the fit at this place. */
export function seriesColour(at: number): string {
  return `var(--series-${(at % colourCount) + 1})`;
}

interface ChartOptionsInput {
  element: HTMLElement;
  heightPx: number;
  names: string[];
  log: boolean;
  isShown(name: string): boolean;
  /** The index of the step pointed at, null when none is. */
  onCursor(index: number | null): void;
}

/** uPlot draws on a canvas, which knows no CSS variables: colours and font are read from the element as it is styled now. */
export function chartOptions(input: ChartOptionsInput): uPlot.Options {
  const { element, heightPx, names, log } = input;
  const resolve = colourResolver(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis: uPlot.Axis = {
    font,
    stroke: resolve('var(--ink-2)'),
    grid: { stroke: resolve('var(--line)'), width: 1 },
    ticks: { stroke: resolve('var(--line)'), width: 1, size: 4 },
  };
  return {
    width: element.clientWidth,
    height: heightPx,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 7 }, drag: { x: true, y: false } },
    scales: {
      x: { time: false },
      y: log
        ? { distr: 3, range: (_chart, min, max) => [lowestShown(min) / 1.15, Math.max(max, 1e-6) * 1.15] }
        : {
            range: (_chart, min, max) => (max > min ? [Math.min(0, min), max * 1.05] : [0, (max || 1) * 1.1]),
          },
    },
    axes: [
      { ...axis, size: 30, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500, 5000, 10_000] },
      {
        ...axis,
        size: 52,
        values: (_chart, splits) => splits.map((value) => (value === null ? '' : label(value, log))),
        // By default uPlot labels whole decades only, of which a loss curve may span none.
        ...(log && {
          filter: (_chart: uPlot, splits: number[]) =>
            splits.map((value) => (oneTwoFive(value) ? value : null)),
        }),
      },
    ],
    series: [
      {},
      ...names.flatMap((name, at): uPlot.Series[] => {
        const stroke = resolve(seriesColour(at));
        const shared: uPlot.Series = {
          stroke,
          spanGaps: true,
          show: input.isShown(name),
          // Dots only where a fit told few steps.
          points: { size: 5, space: 24, fill: stroke },
        };
        return [
          { ...shared, label: `${name}, training`, width: name === 'final' ? 2.5 : 1.5 },
          { ...shared, label: `${name}, validation`, width: 1.5, dash: [5, 4] },
        ];
      }),
    ],
    hooks: {
      setCursor: [(chart) => input.onCursor(chart.cursor.idx ?? null)],
    },
  };
}

function lowestShown(min: number): number {
  return min > 0 ? min : 1e-6;
}

function label(value: number, log: boolean): string {
  if (value === 0) return '0';
  return log
    ? String(Number(value.toPrecision(2)))
    : Math.abs(value) >= 0.01
      ? String(Number(value.toFixed(3)))
      : loss(value);
}

function oneTwoFive(value: number): boolean {
  const mantissa = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 5].some((digit) => Math.abs(mantissa - digit) < 0.01);
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
