import { TaskSpec } from '@scion/contracts';
import t from 'tap';
import type { Command } from './command.js';
import { commands } from './commands.js';
import { nearest } from './nearest.js';
import { findCommand, optionsOf, parse } from './parse.js';

const command: Command = {
  path: ['plant', 'tree'],
  about: 'Plant',
  args: [
    { name: 'kind', about: 'kind' },
    { name: 'places', about: 'where', optional: true, many: true },
  ],
  options: [
    { name: 'depth', value: 'metres', about: 'how deep', kind: 'number', min: 0, max: 2, env: 'DEPTH' },
    { name: 'names', value: 'list', about: 'what it is called', kind: 'list' },
    { name: 'soil', value: 'name', about: 'into what', choices: ['clay', 'sand'], default: 'clay' },
    { name: 'owner', value: 'name', about: 'whose', required: true },
    { name: 'water', short: 'w', about: 'and water it' },
  ],
  examples: [],
  load: async () => ({ run: async () => {} }),
};

const read = (words: string[], env = {}) => parse(command, words, env);

t.test('arguments, options, switches and lists are read wherever they stand', async (t) => {
  const input = read([
    '--owner=Ada',
    'pear',
    '-w',
    'here',
    '--names',
    'a, b',
    '--names',
    'c',
    '--',
    '--there',
  ]);
  t.equal(input.arg('kind'), 'pear');
  t.same(input.rest('places'), ['here', '--there']);
  t.same(input.list('names'), ['a', 'b', 'c']);
  t.equal(input.required('owner'), 'Ada');
  t.ok(input.flag('water'));
  t.notOk(input.flag('json'));
  t.equal(input.text('soil'), 'clay', 'the default');
});

t.test('the command line wins over the environment, and that over the default', async (t) => {
  const words = ['pear', '--owner', 'x'];
  t.equal(read(words, { DEPTH: '1.5' }).number('depth'), 1.5);
  t.equal(read([...words, '--depth', '0.5'], { DEPTH: '1.5' }).number('depth'), 0.5);
  t.equal(read(words, { DEPTH: '' }).number('depth'), undefined, 'an empty variable is none');
});

t.test('a mistake is named with its remedy', async (t) => {
  const mistakes: [string[], RegExp, RegExp?][] = [
    [[], /plant tree needs <kind>/],
    [['pear'], /needs --owner <name>/],
    [['pear', '--owner', 'x', '--wter'], /knows no option --wter/, /did you mean --water/],
    [['pear', '--owner'], /--owner needs a value/],
    [['pear', '--owner', '--water'], /--owner needs a value/],
    [['pear', '--owner', 'x', '--water=yes'], /--water takes no value/],
    [['pear', '--owner', 'x', '--depth', 'deep'], /--depth is a number from 0 to 2, not "deep"/],
    [['pear', '--owner', 'x', '--depth', '3'], /from 0 to 2/],
    [['pear', '--owner', 'x', '--soil', 'peat'], /one of clay, sand/],
  ];
  for (const [words, message, hint] of mistakes)
    t.throws(() => read(words), { name: 'UserError', message, ...(hint && { hint }) }, words.join(' '));
});

t.test('the longest name that fits is the command', async (t) => {
  const found = findCommand(commands, ['base', 'add', 'x']);
  t.same(found?.command.path, ['base', 'add']);
  t.same(found?.rest, ['x']);
  t.equal(findCommand(commands, ['base']), undefined);
});

t.test(
  'every command of the table can be loaded, shows an example, and names each option once',
  async (t) => {
    for (const one of commands) {
      const name = one.path.join(' ');
      t.type((await one.load()).run, 'function', name);
      t.ok(one.examples.length > 0, `${name} has an example`);
      for (const { line } of one.examples)
        t.ok(line.includes(`scion ${name}`), `${name}: its example calls it`);
      const names = optionsOf(one).map((option) => option.name);
      t.equal(new Set(names).size, names.length, `${name}: option names`);
      t.notMatch(one.about, /\.$/, 'the full stop is added where it is shown');
    }
  },
);

t.test('the word that was meant is found, and none is made up', async (t) => {
  t.equal(nearest('trian', ['train', 'predict']), 'train');
  t.equal(nearest('pred', ['train', 'predict']), 'predict');
  t.equal(nearest('x', ['up']), undefined);
  t.equal(nearest('zebra', ['train', 'predict']), undefined);
});

t.test('a task’s settings have the choices that the API has', async (t) => {
  const options = findCommand(commands, ['task', 'put'])!.command.options!;
  const choices = (name: string) => options.find((option) => option.name === name)?.choices;
  t.same(choices('kind'), TaskSpec.properties.kind.enum);
  t.same(choices('untrained'), TaskSpec.properties.untrained.enum);
});
