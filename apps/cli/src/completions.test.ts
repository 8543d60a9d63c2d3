import { spawnSync } from 'node:child_process';
import t from 'tap';
import { commands } from './commands.js';
import { completionScript } from './completions.js';

/** What bash offers behind these words. */
function complete(...words: string[]): string[] {
  const script = `${completionScript('bash', commands)}
COMP_WORDS=(${['scion', ...words].map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_scion
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = spawnSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return stdout.split('\n').filter((line) => line !== '');
}

t.test('bash completes commands, their second words, options and choices', async (t) => {
  t.same(complete('tr'), ['train']);
  t.same(
    complete('base', '').filter((word) => !word.startsWith('-')),
    ['add', 'list', 'check'],
  );
  t.ok(complete('train', 'feed', 'ada', '--wa').includes('--watch'));
  t.same(complete('completions', 'f'), ['fish']);
});

t.test('the other shells get scripts that name every command', async (t) => {
  for (const shell of ['zsh', 'fish'] as const) {
    const script = completionScript(shell, commands);
    for (const { path } of commands) t.ok(script.includes(path.at(-1)!), `${shell}: ${path.join(' ')}`);
  }
});
