import type { Command } from './command.js';
import { exitCodes } from './exit-codes.js';
import { aboutOption, flagOf, usageOf } from './help.js';
import { globalOptions, optionGroups } from './option-groups.js';

/** docs/cli.md: the table of commands for readers. */
export function renderReferencePage(commands: readonly Command[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, text]) => `| \`${cell(name)}\` | ${cell(text)} |`).join('\n');
  const table = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.length === 0 ? '' : `\n| | |\n|---|---|\n${rows(pairs)}\n`;
  const groupNames = Object.keys(optionGroups) as (keyof typeof optionGroups)[];
  const sections = commands.map(({ groups = [], options = [], args = [], ...command }) => {
    const taken = [
      ...args.map(({ name, about, choices }): [string, string] => [
        `<${name}>`,
        choices ? `${about} (one of ${choices.join(', ')})` : about,
      ]),
      ...options.map((option): [string, string] => [flagOf(option), aboutOption(option)]),
    ];
    const shared = groups.map((group) => `[${group}](#${group}-options)`).join(', ');
    const examples = command.examples.map(({ line, about }) => `# ${about}\n${line}`).join('\n');
    return `### \`scion ${usageOf({ ...command, args })}\`

${command.about}.${command.notes ? ` ${command.notes}` : ''}
${table(taken)}${shared ? `\nAlso: ${shared} options.\n` : ''}
\`\`\`bash
${examples}
\`\`\`
`;
  });
  return `# The command line

\`npx scion\` from the repository. \`scion <command> --help\` says the same as this page, which is generated from the table
of commands in \`apps/cli/src/commands.ts\` by \`npm run reference -w @scion/cli\`.

Results go to standard output, everything else to standard error. Colours and pictures are drawn on a terminal only.
${table(globalOptions.map((option) => [flagOf(option), option.about]))}
## Exit codes
${table(Object.values(exitCodes).map(({ code, about }) => [String(code), about]))}
## Shared options
${groupNames
  .map(
    (name) =>
      `\n### ${name[0]!.toUpperCase()}${name.slice(1)} options\n${table(
        optionGroups[name].map((option) => [flagOf(option), aboutOption(option)]),
      )}`,
  )
  .join('')}
## Commands

${sections.join('\n')}`;
}
