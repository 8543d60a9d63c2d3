import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';

const dist = new URL('../../apps/dashboard/dist/', import.meta.url);
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => ({ name: entry.name, text: readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8') }));

t.test('the page needs neither inline code nor any other host', async (t) => {
  const html = files.find(({ name }) => name === 'index.html').text;
  t.notMatch(html, /<script(?![^>]*\ssrc=)/, 'every script is a file');
  t.notMatch(html, /<style|\sstyle=|\son[a-z]+=/);
  t.notMatch(html, /https?:/);
  for (const { name, text } of files.filter(({ name }) => name.endsWith('.css'))) {
    t.notMatch(text, /url\((?!\.\/|"?\.\/)|@import/, name);
  }
});

t.test(
  'components import the sdk, their own files, styles and three small libraries, and nothing else',
  async (t) => {
    const source = new URL('../../apps/dashboard/src/', import.meta.url);
    const allowed = new Set(['@preact/signals', '@scion/sdk', 'preact', 'preact/hooks', 'uplot']);
    const components = readdirSync(source, { recursive: true }).filter((name) => name.endsWith('.tsx'));
    t.ok(components.length > 10);
    for (const name of components) {
      const imported = [...readFileSync(new URL(name, source), 'utf8').matchAll(/\bfrom '([^.'][^']*)'/g)];
      t.strictSame(
        imported.map(([, from]) => from).filter((from) => !allowed.has(from)),
        [],
        name,
      );
    }
  },
);
