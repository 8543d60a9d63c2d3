import { readFileSync, writeFileSync } from 'node:fs';
import { problems } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../../testing/test-api.js';
import { type ReferenceDocument, renderReference } from './render-reference.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });
const document = (await api.call('GET', '/openapi.json')).json() as ReferenceDocument;
const page = renderReference(document);

t.test('docs/api.md is current', async (t) => {
  const path = new URL('../../../../../docs/api.md', import.meta.url);
  if (process.env.UPDATE_REFERENCE) writeFileSync(path, page);
  t.equal(readFileSync(path, 'utf8'), page, 'else run: npm run reference -w @scion/api');
});

t.test('it holds every route and every schema once', async (t) => {
  for (const [path, methods] of Object.entries(document.paths))
    for (const method of Object.keys(methods))
      t.equal(page.split(`\`${method.toUpperCase()} ${path}\`\n`).length, 2, `${method} ${path}`);
  for (const name of Object.keys(document.components.schemas))
    t.equal(page.split(`</a>${name}\n`).length, 2, name);
});

t.test('its links lead somewhere', async (t) => {
  const places = new Set([...page.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => id));
  for (const [, place] of page.matchAll(/\]\(#([\w-]+)\)/g)) t.ok(places.has(place), String(place));
  for (const [, code] of page.matchAll(/problems\.md#(\w+)\)/g)) t.ok(code && code in problems, String(code));
});
