import type { Terminal } from './terminal/terminal.js';

/** One flag of a command. Without `value` it is a switch. */
export interface Option {
  name: string;
  short?: string;
  /** What stands for the value in help, e.g. `folder`. */
  value?: string;
  about: string;
  /** How the value is read and checked; default `text`. */
  kind?: 'text' | 'integer' | 'number' | 'list';
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** Environment variable that stands in for it. */
  env?: string;
  default?: string;
  required?: true;
}

/** One positional argument. */
export interface Argument {
  name: string;
  about: string;
  optional?: true;
  /** Takes all that follow; only the last one may. */
  many?: true;
  choices?: readonly string[];
}

/** A command as data: parser, help, completions and docs/cli.md are all derived from it. */
export interface Command {
  /** `base add` is `['base', 'add']`. */
  path: readonly string[];
  about: string;
  /** More than the one line, in help and in the reference. */
  notes?: string;
  args?: readonly Argument[];
  options?: readonly Option[];
  /** Groups of options shared with other commands, `connection` and the like. */
  groups?: readonly (keyof typeof import('./option-groups.js')['optionGroups'])[];
  examples: readonly { line: string; about: string }[];
  /**
   * Imported only when the command runs, so that help and completions stay instant. A number that `run` returns is the
   * exit code.
   */
  load(): Promise<{ run(context: Context): Promise<unknown> }>;
}

/** What was typed, checked against the command's table. Asking for a name that is not in it is a defect. */
export interface Input {
  text(name: string): string | undefined;
  /** For what is required or has a default. */
  required(name: string): string;
  number(name: string): number | undefined;
  list(name: string): string[] | undefined;
  flag(name: string): boolean;
  arg(name: string): string;
  optionalArg(name: string): string | undefined;
  rest(name: string): string[];
}

export interface Context {
  input: Input;
  terminal: Terminal;
  /** The whole table. */
  commands: readonly Command[];
  env: Readonly<Record<string, string | undefined>>;
  /** Standard input, for what is piped in. */
  stdin: NodeJS.ReadStream;
  /** Aborts at the first Ctrl-C. */
  signal: AbortSignal;
}
