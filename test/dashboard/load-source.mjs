// Loads one of the dashboard's pure modules from its source: they are only ever built as parts of a bundle.
import { readFile } from 'node:fs/promises';
import { transform } from '@swc/core';

/** `name` is a file of apps/dashboard/src without its extension; it may import types only. */
export async function loadSource(name) {
  const source = await readFile(new URL(`../../apps/dashboard/src/${name}.ts`, import.meta.url), 'utf8');
  const { code } = await transform(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}
