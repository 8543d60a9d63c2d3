import { readFileSync, writeFileSync } from 'node:fs';
import { problems } from '@scion/contracts';
import t from 'tap';
import { renderProblemsPage } from './problems-page.js';

t.test('docs/problems.md is current', async (t) => {
  const page = new URL('../../../docs/problems.md', import.meta.url);
  if (process.env.UPDATE_PROBLEMS) writeFileSync(page, renderProblemsPage());
  t.equal(readFileSync(page, 'utf8'), renderProblemsPage(), 'else run: npm run problems -w @scion/api');
});

t.test('every problem is explained once', async (t) => {
  const page = renderProblemsPage();
  for (const code of Object.keys(problems)) t.equal(page.split(`### \`${code}\`\n`).length, 2, code);
});
