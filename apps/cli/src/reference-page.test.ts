import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { commands } from './commands.js';
import { renderReferencePage } from './reference-page.js';

t.test('docs/cli.md is current', async (t) => {
  const page = new URL('../../../docs/cli.md', import.meta.url);
  if (process.env.UPDATE_REFERENCE) writeFileSync(page, renderReferencePage(commands));
  t.equal(
    readFileSync(page, 'utf8'),
    renderReferencePage(commands),
    'else run: npm run reference -w @scion/cli',
  );
});
