import { createStyle, type Style } from './style.js';
import { cut } from './width.js';

/** Where a command prints. Results go to standard output, everything else to standard error. */
export interface Terminal {
  /** Whether `--json` was given: then only `result` and `event` print to standard output. */
  readonly json: boolean;
  /** Columns of standard output; undefined where it is not a terminal, and nothing is cut to fit. */
  readonly columns: number | undefined;
  readonly style: Style;
  /** Of standard error, which may be coloured when standard output is a file. */
  readonly errorStyle: Style;
  /** Whether something can be redrawn in place on standard error. */
  readonly live: boolean;
  /** Whether somebody is there to answer a question. */
  readonly interactive: boolean;
  /** The answer of a command: JSON with `--json`, else the lines of `render`. */
  result(value: unknown, render: () => string | readonly string[]): void;
  /** One of many: a line of JSON with `--json`, else the line given, if any. */
  event(value: unknown, line: string | undefined): void;
  /** What accompanies the answer, on standard error. */
  note(line: string): void;
  /** Draws these lines over the ones drawn before; no lines at all take them away. */
  redraw(lines: readonly string[]): void;
  /** What is drawn stays where it is; what comes next goes below. */
  keep(): void;
}

interface Output {
  write(text: string): boolean;
  isTTY?: boolean;
  columns?: number;
}

export interface Streams {
  stdout: Output;
  stderr: Output;
  stdin: { isTTY?: boolean };
}

export function createTerminal(
  { stdout, stderr, stdin }: Streams,
  env: Readonly<Record<string, string | undefined>>,
  options: { json: boolean; noColor: boolean },
): Terminal {
  const { json } = options;
  const coloured = (stream: { isTTY?: boolean }): boolean =>
    !options.noColor &&
    // https://no-color.org: present and not empty.
    !env.NO_COLOR &&
    (stream.isTTY === true ? env.TERM !== 'dumb' : !!env.FORCE_COLOR && env.FORCE_COLOR !== '0');
  const live = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI;
  let drawn = 0;
  const redraw = (lines: readonly string[]): void => {
    if (!live) return;
    if (drawn === 0 && lines.length === 0) return;
    const up = drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : '';
    // A line that wrapped would be two to go up over.
    stderr.write(up + lines.map((line) => `${cut(line, (stderr.columns ?? 80) - 1)}\n`).join(''));
    drawn = lines.length;
  };
  const print = (line: string): void => {
    // What is drawn in place stands below everything printed; it is drawn again by whoever drew it.
    redraw([]);
    stdout.write(`${line}\n`);
  };
  return {
    json,
    columns: stdout.isTTY ? (stdout.columns ?? 80) : undefined,
    style: createStyle(!json && coloured(stdout)),
    errorStyle: createStyle(coloured(stderr)),
    live,
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    result(value, render) {
      if (json) print(JSON.stringify(value, null, 2));
      else for (const line of [render()].flat()) print(line);
    },
    event(value, line) {
      if (json) print(JSON.stringify(value));
      else if (line !== undefined) print(line);
    },
    note(line) {
      redraw([]);
      stderr.write(`${line}\n`);
    },
    redraw,
    keep() {
      drawn = 0;
    },
  };
}
