/** A curve as points of ascending x. */
export interface Curve {
  name: string;
  points: [x: number, y: number][];
}

/** Losses after one step of one fit, as far as they were told. */
interface LossPoint {
  loss?: number | undefined;
  validationLoss?: number | undefined;
}

/** Gathers a job's points into the two curves that people look at. */
export interface CurveBook {
  add(point: LossPoint & { series: string; step: number; attempt?: number }): void;
  /** Training loss, of the last fit where it has begun, else the folds' mean; then the folds' mean validation loss. */
  curves(): Curve[];
}

export function createCurveBook(): CurveBook {
  let attempt = 1;
  const series = new Map<string, Map<number, LossPoint>>();

  const mean = (name: string, pick: (point: LossPoint) => number | undefined, of: string[]) => {
    const sums = new Map<number, { sum: number; count: number }>();
    for (const key of of)
      for (const [step, point] of series.get(key) ?? []) {
        const value = pick(point);
        if (value === undefined || !Number.isFinite(value)) continue;
        const entry = sums.get(step) ?? { sum: 0, count: 0 };
        sums.set(step, { sum: entry.sum + value, count: entry.count + 1 });
      }
    const points = [...sums].map(([step, { sum, count }]): [number, number] => [step, sum / count]);
    return { name, points: points.sort(([a], [b]) => a - b) };
  };

  return {
    add({ series: name, step, loss, validationLoss, attempt: of = 1 }) {
      // A worker died and another began again: what it had told is void.
      if (of !== attempt) series.clear();
      attempt = of;
      const points = series.get(name) ?? new Map();
      series.set(name, points);
      points.set(step, { loss, validationLoss });
    },
    curves() {
      const all = [...series.keys()];
      const training = mean('training', ({ loss }) => loss, series.has('final') ? ['final'] : all);
      const validation = mean('validation', ({ validationLoss }) => validationLoss, all);
      return [training, validation].filter(({ points }) => points.length > 0);
    },
  };
}

export interface DrawCurvesOptions {
  /** Columns and lines of the whole picture, axes and legend included; default 72 × 14, at least 24 × 6. */
  width?: number | undefined;
  height?: number | undefined;
  /** Decorates what belongs to curve number `index`, with terminal colours, say. */
  paint?: ((text: string, index: number) => string) | undefined;
}

/** Dots of a braille cell, two across and four down (Unicode 15.1, block 2800). */
const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
/** Beside a name in the legend: a line, and a line of dashes, as the curves are drawn. */
const legendMarks = ['⠒⠒⠒', '⠒ ⠒'] as const;

/**
 * Curves as lines of text, in braille dots, with axes and a legend. The first curve is drawn through, the others
 * dashed, so that they differ without colour.
 */
export function drawCurves(curves: readonly Curve[], options: DrawCurvesOptions = {}): string[] {
  const { paint = (text) => text } = options;
  const points = curves.flatMap((curve) => curve.points);
  if (points.length === 0) return [];
  const bounds = (values: number[]) => ({
    low: values.reduce((a, b) => Math.min(a, b)),
    high: values.reduce((a, b) => Math.max(a, b)),
  });
  const x = bounds(points.map(([at]) => at));
  const y = bounds(points.map(([, value]) => value));
  const labels = [y.high, (y.high + y.low) / 2, y.low].map((value) => value.toPrecision(3));
  const margin = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(24, options.width ?? 72) - margin - 2;
  const rows = Math.max(6, options.height ?? 14) - 3;

  const cells = Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
  const owner = Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
  const dotX = (at: number) =>
    x.high === x.low ? 0 : Math.round(((at - x.low) / (x.high - x.low)) * (columns * 2 - 1));
  const dotY = (value: number) =>
    y.high === y.low
      ? Math.floor((rows * 4 - 1) / 2)
      : Math.round(((y.high - value) / (y.high - y.low)) * (rows * 4 - 1));
  const set = (dx: number, dy: number, index: number) => {
    if (index > 0 && dx % 4 > 1) return;
    cells[dy >> 2]![dx >> 1]! |= dots[dy & 3]![dx & 1]!;
    owner[dy >> 2]![dx >> 1] = index;
  };
  for (const [index, curve] of curves.entries())
    for (const [at, [x1, y1]] of curve.points.entries()) {
      const [x0, y0] = curve.points[at - 1] ?? [x1, y1];
      const [fromX, fromY, toX, toY] = [dotX(x0), dotY(y0), dotX(x1), dotY(y1)];
      const length = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
      for (let step = 0; step <= length; step += 1)
        set(
          Math.round(fromX + ((toX - fromX) * step) / length),
          Math.round(fromY + ((toY - fromY) * step) / length),
          index,
        );
    }

  const labelOf = (row: number): string => {
    if (row === 0) return labels[0]!;
    if (row === rows - 1) return labels[2]!;
    return row === Math.floor((rows - 1) / 2) && rows > 4 ? labels[1]! : '';
  };
  const body = cells.map((cellsOfRow, row) => {
    const line = cellsOfRow
      .map((bits, column) =>
        bits === 0 ? ' ' : paint(String.fromCodePoint(0x2800 | bits), owner[row]![column]!),
      )
      .join('');
    return `${labelOf(row).padStart(margin)} │${line}`.trimEnd();
  });
  const [first, last] = [String(x.low), String(x.high)];
  return [
    ...body,
    `${' '.repeat(margin)} └${'─'.repeat(columns)}`,
    `${' '.repeat(margin + 2)}${first}${last.padStart(Math.max(0, columns - first.length))}`,
    `${' '.repeat(margin + 2)}${curves
      .map(({ name, points }, index) => {
        const value = points.at(-1)?.[1];
        const mark = legendMarks[Math.min(index, 1)]!;
        return `${paint(mark, index)} ${name}${value === undefined ? '' : ` ${value.toPrecision(3)}`}`;
      })
      .join('   ')}`,
  ];
}
