import t from 'tap';
import { bytes, duration, percent } from './format.js';
import { createProgressBar } from './progress-bar.js';
import { createStyle } from './style.js';
import { renderTable } from './table.js';
import { createTerminal } from './terminal.js';
import { cut, oneLine, pad, widthOf } from './width.js';

function screen({ tty = true, env = {}, json = false, noColor = false, columns = 40 } = {}) {
  const written = { out: '', err: '' };
  const into = (name: 'out' | 'err') => ({
    ...{ isTTY: tty, columns },
    write(text: string) {
      written[name] += text;
      return true;
    },
  });
  const terminal = createTerminal({ stdout: into('out'), stderr: into('err'), stdin: { isTTY: tty } }, env, {
    json,
    noColor,
  });
  return { terminal, written };
}

t.test('colours are for terminals that want them', async (t) => {
  const coloured = (options: Parameters<typeof screen>[0]) => screen(options).terminal.style.red('x') !== 'x';
  t.ok(coloured({}));
  t.notOk(coloured({ tty: false }), 'a pipe');
  t.notOk(coloured({ env: { NO_COLOR: '1' } }));
  t.ok(coloured({ env: { NO_COLOR: '' } }), 'empty, it says nothing');
  t.notOk(coloured({ env: { TERM: 'dumb' } }));
  t.notOk(coloured({ noColor: true }));
  t.notOk(coloured({ json: true }));
  t.ok(coloured({ tty: false, env: { FORCE_COLOR: '1' } }));
});

t.test('with --json only JSON reaches standard output', async (t) => {
  const { terminal, written } = screen({ json: true });
  terminal.event({ a: 1 }, 'a line');
  terminal.note('beside');
  terminal.result({ b: 2 }, () => 'text');
  t.equal(written.out, '{"a":1}\n{\n  "b": 2\n}\n');
  t.equal(written.err, 'beside\n');
});

t.test('what is drawn in place is drawn over, cut to the width, and only on a terminal', async (t) => {
  const { terminal, written } = screen({ columns: 10 });
  terminal.redraw(['x'.repeat(30), 'b']);
  terminal.redraw(['c']);
  t.equal(written.err, `${'x'.repeat(8)}…\nb\n\x1b[2A\x1b[0Jc\n`);
  const piped = screen({ tty: false });
  piped.terminal.redraw(['c']);
  createProgressBar(piped.terminal).update(0.5, 'half');
  t.equal(piped.written.err, '');
});

t.test('a progress bar says how far, and how long still', async (t) => {
  const { terminal, written } = screen({ columns: 80, env: { NO_COLOR: '1' } });
  let now = 0;
  const progress = createProgressBar(terminal, () => now);
  now = 10_000;
  progress.update(0.25, '5 rows');
  t.match(written.err, /▕██████ +▏ 25 % {2}5 rows, 30 s left\n/);
});

t.test('widths are those of a terminal', async (t) => {
  t.equal(widthOf('añb'), 3);
  t.equal(widthOf('漢字🌱'), 6);
  t.equal(widthOf('\x1b[31mred\x1b[39m'), 3);
  t.equal(pad('漢', 4, 'right'), '  漢');
  t.equal(cut('abcdef', 4), 'abc…');
  t.equal(cut('\x1b[31mabcdef\x1b[39m', 4), '\x1b[31mabc…\x1b[0m');
  t.equal(oneLine('a\n\tb\x1b[2J'), 'a b�[2J', 'nothing in the data can move the cursor');
});

t.test('a table fits: its flexible column gives way, then columns from the right', async (t) => {
  const rows = [{ id: 'a1', text: 'something rather long', size: 7 }];
  const columns = [
    { title: 'id', cell: (row: (typeof rows)[0]) => row.id },
    { title: 'text', cell: (row: (typeof rows)[0]) => row.text, flexible: true as const },
    { title: 'size', cell: (row: (typeof rows)[0]) => String(row.size), align: 'right' as const },
  ];
  const style = createStyle(false);
  t.same(renderTable(rows, columns, { columns: undefined, style }), [
    'id  text                   size',
    'a1  something rather long     7',
  ]);
  t.same(renderTable(rows, columns, { columns: 20, style }), [
    'id  text        size',
    'a1  something…     7',
  ]);
  t.same(renderTable(rows, columns, { columns: 12, style }), ['id  text', 'a1  somethi…']);
});

t.test('figures are said as people say them', async (t) => {
  t.same([0, 0.005, 0.5, 0.996, 0.9999, 1].map(percent), [
    '0 %',
    '0.5 %',
    '50 %',
    '99.6 %',
    '100 %',
    '100 %',
  ]);
  t.same([0, 999, 6_016, 91_000_000].map(bytes), ['0 B', '999 B', '6.0 kB', '91 MB']);
  t.same([0.32, 4.21, 42, 200, 7_500].map(duration), ['320 ms', '4.2 s', '42 s', '3 min 20 s', '2 h 5 min']);
});
