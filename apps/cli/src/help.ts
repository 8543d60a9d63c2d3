import type { Command, Option } from './command.js';
import { exitCodes } from './exit-codes.js';
import { optionsOf } from './parse.js';
import type { Style } from './terminal/style.js';
import { pad, widthOf } from './terminal/width.js';

/** `base add <source> [options]` */
export function usageOf({ path, args = [] }: Command): string {
  const words = args.map(({ name, optional, many }) => {
    const word = `${name}${many ? '…' : ''}`;
    return optional ? `[${word}]` : `<${word}>`;
  });
  return [...path, ...words, '[options]'].join(' ');
}

/** `--port <number>` */
export function flagOf({ name, short, value }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` <${value}>` : ''}`;
}

/** What a description does not say yet: choices, default, environment. */
export function aboutOption({ about, choices, default: preset, env, required }: Option): string {
  const facts = [
    ...(required ? ['required'] : []),
    ...(choices ? [`one of ${choices.join(', ')}`] : []),
    ...(preset ? [`default: ${preset}`] : []),
    ...(env ? [`env: ${env}`] : []),
  ];
  return facts.length === 0 ? about : `${about} (${facts.join('; ')})`;
}

/** Help of one command, as lines at most `width` wide. */
export function commandHelp(command: Command, style: Style, width: number): string[] {
  const { about, notes, args = [], examples } = command;
  const lines = [
    `${style.bold('scion')} ${usageOf(command)}`,
    '',
    ...wrap(`${about}.`, width, '  '),
    ...(notes ? ['', ...wrap(notes, width, '  ')] : []),
  ];
  const section = (title: string, rows: readonly [string, string][]) => {
    if (rows.length > 0) lines.push('', style.dim(title), ...twoColumns(rows, style, width));
  };
  section(
    'Arguments',
    args.map(({ name, about, choices }) => [
      `<${name}>`,
      choices ? `${about} (one of ${choices.join(', ')})` : about,
    ]),
  );
  section(
    'Options',
    optionsOf(command).map((option) => [flagOf(option), aboutOption(option)]),
  );
  lines.push('', style.dim('Examples'));
  for (const { line, about } of examples)
    lines.push(...wrap(about, width, '  ').map((text) => style.dim(text)), `  ${style.cyan(line)}`);
  return lines;
}

/** What every line of an overview is for. */
const rowsOf = (commands: readonly Command[]) =>
  commands.map((command): [string, string] => [command.path.join(' '), command.about]);

/** The commands of one group, as `scion base` shows them. */
export function groupOverview(commands: readonly Command[], style: Style, width: number): string[] {
  return [
    `${style.bold('scion')} ${commands[0]!.path[0]} <command> [options]`,
    '',
    ...twoColumns(rowsOf(commands), style, width),
    '',
    ...wrap('scion <command> --help explains one, with examples.', width, ''),
  ];
}

/** The list of all commands, in the order of the table. */
export function overview(commands: readonly Command[], style: Style, width: number): string[] {
  return [
    `${style.bold('scion')} <command> [options]`,
    '',
    ...wrap('A small model for every end user, grafted onto one frozen pretrained base.', width, '  '),
    '',
    style.dim('Commands'),
    ...twoColumns(rowsOf(commands), style, width),
    '',
    style.dim('Exit codes'),
    ...twoColumns(
      Object.values(exitCodes).map(({ code, about }) => [String(code), about]),
      style,
      width,
    ),
    '',
    ...wrap(
      'scion <command> --help explains one, with examples. Every command takes --json and --no-color.',
      width,
      '',
    ),
  ];
}

/** Names on the left, texts wrapped on the right; below each other where the terminal is narrow. */
function twoColumns(rows: readonly (readonly [string, string])[], { cyan }: Style, width: number): string[] {
  const left = Math.max(...rows.map(([name]) => widthOf(name)));
  const room = width - left - 4;
  if (room < 24) return rows.flatMap(([name, text]) => [`  ${cyan(name)}`, ...wrap(text, width, '      ')]);
  return rows.flatMap(([name, text]) =>
    wrap(text, room, '').map((line, at) =>
      at === 0 ? `  ${cyan(pad(name, left))}  ${line}` : `${' '.repeat(left + 4)}${line}`,
    ),
  );
}

export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(indent) + widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
