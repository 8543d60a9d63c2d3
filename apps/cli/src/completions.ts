import type { Command } from './command.js';
import { optionsOf } from './parse.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A script that completes commands, options and choices; made from the table, so it asks nothing at run time. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** Word after word: what may follow `base`, then what may follow `base add`. */
function nextWords(commands: readonly Command[]): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { path } of commands)
    for (const [at, word] of path.entries()) {
      const before = path.slice(0, at).join(' ');
      const words = next.get(before) ?? [];
      if (!words.includes(word)) words.push(word);
      next.set(before, words);
    }
  for (const command of commands) {
    const key = command.path.join(' ');
    const choices = command.args?.[0]?.choices ?? [];
    const flags = optionsOf(command).map(({ name }) => `--${name}`);
    next.set(key, [...(next.get(key) ?? []), ...choices, ...flags]);
  }
  return next;
}

function bash(commands: readonly Command[]): string {
  const cases = [...nextWords(commands)].map(
    ([path, words]) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words.join(' '))} ;;`,
  );
  return `# bash completion of scion; source it, or put it into ~/.local/share/bash-completion/completions/scion
_scion() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && break
    case "\${path:+$path }$word" in
${[...nextWords(commands).keys()]
  .filter((path) => path !== '')
  .map((path) => `      ${JSON.stringify(path)}) path=${JSON.stringify(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -eq 0 && $current != -* ]] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _scion scion
`;
}

function zsh(commands: readonly Command[]): string {
  return `#compdef scion
# zsh completion of scion; put it as _scion into a folder of $fpath, or source it after compinit
autoload -Uz bashcompinit && bashcompinit
${bash(commands)}`;
}

function fish(commands: readonly Command[]): string {
  const lines = [
    '# fish completion of scion; put it into ~/.config/fish/completions/scion.fish',
    'complete -c scion -f',
  ];
  const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const seen = new Set<string>();
  for (const { path, about } of commands) {
    const [first, second] = path;
    if (!seen.has(first!)) {
      seen.add(first!);
      const text = second === undefined ? about : `${first} …`;
      lines.push(`complete -c scion -n __fish_use_subcommand -a ${first} -d ${quote(text)}`);
    }
    if (second !== undefined)
      lines.push(
        `complete -c scion -n '__fish_seen_subcommand_from ${first}' -a ${second} -d ${quote(about)}`,
      );
  }
  for (const command of commands) {
    const seenAll = command.path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    for (const { name, value, about } of optionsOf(command))
      lines.push(`complete -c scion -n '${seenAll}' -l ${name}${value ? ' -r' : ''} -d ${quote(about)}`);
  }
  return `${lines.join('\n')}\n`;
}
