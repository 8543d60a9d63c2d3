import { createCurveBook, drawCurves } from '../curves.js';
import type { JobMetric } from '../job-metrics.js';
import type { History } from './history.js';

/** What a callback may do to the fit it watches. */
export interface Run {
  /** Ends the fit. What is live by then (of `auto`, the head) stays live. */
  stop(reason: string): void;
}

/** Watches a fit, in the manner of Keras. */
export interface Callback {
  onTrainBegin?(info: { rows: number; validationRows: number }): void;
  /** One pass over the data of one fit (`logs.series`), counted from the fit's start. */
  onEpochEnd?(epoch: number, logs: JobMetric, run: Run): void;
  /** @param share of the whole, 0 to 1 */
  onProgress?(share: number, stage: string): void;
  onTrainEnd?(history: History): void;
}

export interface EarlyStoppingOptions {
  /** Default `validationLoss`. */
  monitor?: 'loss' | 'validationLoss' | undefined;
  /** Epochs of one fit without improvement; default 5. */
  patience?: number | undefined;
  /** What counts as improvement; default 0. */
  minDelta?: number | undefined;
}

/**
 * Stops a fit that has ceased to improve. Scion's own training chooses its length by held-out loss anyway: this bounds
 * the time spent on adapters that are going nowhere.
 */
export class EarlyStopping implements Callback {
  readonly #options: Required<{
    [name in keyof EarlyStoppingOptions]-?: NonNullable<EarlyStoppingOptions[name]>;
  }>;
  #best = new Map<string, { value: number; since: number }>();

  constructor({ monitor = 'validationLoss', patience = 5, minDelta = 0 }: EarlyStoppingOptions = {}) {
    this.#options = { monitor, patience, minDelta };
  }

  onTrainBegin(): void {
    this.#best = new Map();
  }

  onEpochEnd(_epoch: number, logs: JobMetric, run: Run): void {
    const { monitor, patience, minDelta } = this.#options;
    const value = logs[monitor];
    if (value === undefined) return;
    const key = `${logs.attempt} ${logs.series}`;
    const best = this.#best.get(key);
    if (best === undefined || value < best.value - minDelta) this.#best.set(key, { value, since: 0 });
    else {
      best.since += 1;
      if (best.since >= patience)
        run.stop(`${monitor} of ${logs.series} has not improved for ${patience} epochs`);
    }
  }
}

/** What is needed of `process.stderr`, where there is one. */
interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const screen = (): Screen | undefined => (globalThis as { process?: { stderr?: Screen } }).process?.stderr;

/** A line on standard error that says how far a fit is; on a terminal only. */
export function progressBar(): Callback {
  let at = { share: 0, stage: '' };
  let last = '';
  const draw = () => {
    const stderr = screen();
    if (!stderr?.isTTY) return;
    const filled = Math.round(at.share * 24);
    stderr.write(`\r\x1b[K▕${'█'.repeat(filled)}${' '.repeat(24 - filled)}▏ ${at.stage}${last}`);
  };
  return {
    onTrainBegin({ rows }) {
      at = { share: 0, stage: `${rows} rows` };
      draw();
    },
    onProgress(share, stage) {
      at = { share, stage };
      draw();
    },
    onEpochEnd(epoch, { series, loss }) {
      last = `  ${series}, epoch ${epoch}, loss ${loss.toPrecision(3)}`;
      draw();
    },
    onTrainEnd() {
      const stderr = screen();
      if (stderr?.isTTY) stderr.write('\r\x1b[K');
    },
  };
}

export interface LivePlotOptions {
  width?: number | undefined;
  height?: number | undefined;
  /** Gets the lines of every picture; default: drawn over the one before on a terminal, nowhere else. */
  draw?: ((lines: string[]) => void) | undefined;
}

/** Loss curves that grow while a fit runs. In a notebook give `draw` and put the lines into a `<pre>`. */
export function livePlot({ width, height, draw = drawInPlace() }: LivePlotOptions = {}): Callback {
  let book = createCurveBook();
  return {
    onTrainBegin() {
      book = createCurveBook();
    },
    onEpochEnd(_epoch, logs) {
      book.add(logs);
      draw(drawCurves(book.curves(), { width, height }));
    },
  };
}

function drawInPlace(): (lines: string[]) => void {
  let drawn = 0;
  return (lines) => {
    const stderr = screen();
    if (!stderr?.isTTY) return;
    const up = drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : '';
    stderr.write(`${up}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  };
}
