import { parseArgs } from 'node:util';
import type { Command, Input, Option } from './command.js';
import { nearest } from './nearest.js';
import { globalOptions, optionGroups } from './option-groups.js';
import { UserError } from './user-error.js';

/** All options of a command: its own, those of its groups, and the global ones. */
export function optionsOf(command: Command): Option[] {
  const shared = (command.groups ?? []).flatMap((group): readonly Option[] => optionGroups[group]);
  const own = command.options ?? [];
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...shared.filter(({ name }) => !names.has(name)), ...globalOptions];
}

/** The command that the words begin with, and the words after its name. */
export function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): { command: Command; rest: string[] } | undefined {
  const [command] = commands
    .filter(({ path }) => path.every((word, at) => words[at] === word))
    .sort((a, b) => b.path.length - a.path.length);
  return command && { command, rest: words.slice(command.path.length) };
}

/** Reads the words after a command's name. Throws UserError naming the word and the remedy. */
export function parse(
  command: Command,
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Input {
  const options = optionsOf(command);
  const name = command.path.join(' ');
  const help = `scion ${name} --help shows what it takes`;
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      options.map(({ name, short, value }) => [
        name,
        { type: value ? 'string' : 'boolean', ...(short && { short }) } as const,
      ]),
    ),
  });

  const given = new Map<string, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (!option) {
      const like = nearest(
        token.name,
        options.map(({ name }) => name),
      );
      throw new UserError(`${name} knows no option ${token.rawName}`, {
        hint: like ? `did you mean --${like}?` : help,
      });
    }
    if (!option.value && token.value !== undefined)
      throw new UserError(`--${option.name} takes no value`, { hint: help });
    if (option.value && (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))))
      throw new UserError(`--${option.name} needs a value: --${option.name} <${option.value}>`, {
        hint: help,
      });
    const before = given.get(option.name);
    const value = token.value ?? 'true';
    given.set(option.name, option.kind === 'list' && before !== undefined ? `${before},${value}` : value);
  }

  const args = command.args ?? [];
  const last = args.at(-1);
  if (positionals.length > args.length && !last?.many)
    throw new UserError(`${name} takes no argument ${JSON.stringify(positionals[args.length])}`, {
      hint: help,
    });
  for (const [at, { name: arg, optional, choices }] of args.entries()) {
    const value = positionals[at];
    if (value === undefined && !optional) throw new UserError(`${name} needs <${arg}>`, { hint: help });
    if (value !== undefined && choices && !choices.includes(value))
      throw new UserError(`${arg} is one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
  }

  const chosenFor = (option: Option): string | undefined => {
    const typed = given.get(option.name);
    if (typed !== undefined) return typed;
    const fromEnv = option.env === undefined ? undefined : env[option.env];
    // An empty variable is how one unsets it in a compose file.
    return fromEnv === undefined || fromEnv === '' ? option.default : fromEnv;
  };
  const values = new Map<string, string | undefined>();
  for (const option of options) {
    const value = chosenFor(option);
    values.set(option.name, value);
    if (value === undefined) {
      if (option.required) {
        const from = option.env ? ` (or ${option.env} in the environment)` : '';
        throw new UserError(`${name} needs --${option.name} <${option.value}>${from}`, { hint: help });
      }
    } else check(option, value);
  }

  const known = (name: string): string | undefined => {
    if (!values.has(name)) throw new TypeError(`no option ${name} in the table of ${command.path.join(' ')}`);
    return values.get(name);
  };
  const positionOf = (name: string): number => {
    const at = args.findIndex((arg) => arg.name === name);
    if (at < 0) throw new TypeError(`no argument ${name} in the table of ${command.path.join(' ')}`);
    return at;
  };
  return {
    text: known,
    required: (name) => {
      const value = known(name);
      if (value === undefined) throw new TypeError(`option ${name} is neither required nor has a default`);
      return value;
    },
    number: (name) => {
      const value = known(name);
      return value === undefined ? undefined : Number(value);
    },
    list: (name) =>
      known(name)
        ?.split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    flag: (name) => !['', 'false', '0', undefined].includes(known(name)),
    arg: (name) => positionals[positionOf(name)]!,
    optionalArg: (name) => positionals[positionOf(name)],
    rest: (name) => positionals.slice(positionOf(name)),
  };
}

function check({ name, kind, min, max, choices, value: placeholder }: Option, value: string): void {
  if (choices && !choices.includes(value))
    throw new UserError(`--${name} is one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
  if (!placeholder || (kind !== 'integer' && kind !== 'number')) return;
  const number = value.trim() === '' ? Number.NaN : Number(value);
  const fits = kind === 'integer' ? Number.isInteger(number) : Number.isFinite(number);
  if (!fits || number < (min ?? -Infinity) || number > (max ?? Infinity)) {
    const what = kind === 'integer' ? 'a whole number' : 'a number';
    const bounds =
      min !== undefined && max !== undefined
        ? ` from ${min} to ${max}`
        : min !== undefined
          ? ` of ${min} or more`
          : '';
    throw new UserError(`--${name} is ${what}${bounds}, not ${JSON.stringify(value)}`);
  }
}
