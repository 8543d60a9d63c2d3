import { readFileSync } from 'node:fs';
import type { Context } from './command.js';
import { commands } from './commands.js';
import { exitCodes } from './exit-codes.js';
import { exitCodeOf, failureOf } from './failure.js';
import { commandHelp, groupOverview, overview, wrap } from './help.js';
import { nearest } from './nearest.js';
import { findCommand, parse } from './parse.js';
import { createTerminal, type Streams, type Terminal } from './terminal/terminal.js';
import { UserError } from './user-error.js';

export interface Surroundings extends Omit<Streams, 'stdin'>, Pick<Context, 'env' | 'stdin'> {
  /** Aborts when the person interrupts. */
  signal: AbortSignal;
}

/**
 * Runs one command line and returns the exit code. What a person can put right ends as a line that says how; anything
 * else shows its stack.
 */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { env, stdin, signal } = surroundings;
  const before = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const has = (...flags: string[]): boolean => flags.some((flag) => before.includes(flag));
  const terminal = createTerminal(surroundings, env, { json: has('--json'), noColor: has('--no-color') });
  const help = has('--help', '-h');
  try {
    if (has('--version')) {
      terminal.event(undefined, version());
      return exitCodes.ok.code;
    }
    const found = findCommand(commands, argv);
    if (!found) return showOverview(terminal, argv, help);
    if (help) {
      for (const line of commandHelp(found.command, terminal.style, widthOfHelp(terminal)))
        terminal.event(undefined, line);
      return exitCodes.ok.code;
    }
    const input = parse(found.command, found.rest, env);
    const { run: command } = await found.command.load();
    const ended = await command({ input, terminal, commands, env, stdin, signal });
    return typeof ended === 'number' ? ended : exitCodes.ok.code;
  } catch (error) {
    return signal.aborted ? exitCodes.interrupted.code : report(error, terminal, terminal.json);
  } finally {
    terminal.redraw([]);
  }
}

/** No command, half of one (`scion base`), or a word that is none. */
function showOverview(terminal: Terminal, words: readonly string[], asked: boolean): number {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  const group = commands.filter(({ path }) => path.length > 1 && path[0] === first);
  if (first === undefined || first === 'help' || (group.length > 0 && second === undefined)) {
    const named = first === 'help' ? findCommand(commands, words.slice(1)) : undefined;
    const lines = named
      ? commandHelp(named.command, terminal.style, widthOfHelp(terminal))
      : group.length > 0
        ? groupOverview(group, terminal.style, widthOfHelp(terminal))
        : overview(commands, terminal.style, widthOfHelp(terminal));
    for (const line of lines) terminal.event(undefined, line);
    return asked || first === 'help' ? exitCodes.ok.code : exitCodes.usage.code;
  }
  const typed = group.length > 0 ? second! : first;
  const candidates = group.length > 0 ? group : commands;
  const like = nearest(typed, [...new Set(candidates.map(({ path }) => path[group.length > 0 ? 1 : 0]!))]);
  throw new UserError(`there is no command ${words.join(' ')}`, {
    hint: like
      ? `did you mean scion ${group.length > 0 ? `${first} ` : ''}${like}?`
      : 'scion --help lists the commands',
  });
}

function report(error: unknown, terminal: Terminal, json: boolean): number {
  const failure = failureOf(error);
  if (failure === undefined) {
    terminal.note(`scion: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return exitCodes.defect.code;
  }
  const { message, hint, lines, code, requestId } = failure;
  const exit = exitCodeOf(failure);
  if (json) {
    terminal.note(
      JSON.stringify({ error: { message, hint, code, requestId, details: lines, exitCode: exit } }),
    );
    return exit;
  }
  const { red, dim } = terminal.errorStyle;
  terminal.note(`${red('scion:')} ${message}`);
  for (const line of lines) terminal.note(`  ${line}`);
  if (requestId !== undefined) terminal.note(dim(`  ${code}, request ${requestId}`));
  if (hint !== undefined) for (const line of wrap(hint, 100, '  ')) terminal.note(line);
  return exit;
}

/** Lines of help longer than this are hard to read on any screen. */
const widthOfHelp = ({ columns }: Terminal): number => Math.min(columns ?? 100, 110);

function version(): string {
  const manifest = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
