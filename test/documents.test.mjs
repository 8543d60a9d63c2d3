// What the documents name must exist: files, folders, links, and npm scripts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The npm scripts of the package that a document belongs to, and those of the root. */
function scriptsFor(path) {
  const scripts = new Set();
  for (let folder = dirname(path); folder.length >= root.length - 1; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    for (const name of Object.keys(JSON.parse(readFileSync(manifest, 'utf8')).scripts ?? {}))
      scripts.add(name);
  }
  return scripts;
}

function* markdown(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (/^(node_modules|dist|data|\..*)$/.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* markdown(path);
    else if (entry.name.endsWith('.md')) yield path;
  }
}

/** A path inside the workspace's folder. */
const folderOf = (workspace) =>
  ['apps', 'packages']
    .map((kind) => join(root, kind, workspace, 'package.json'))
    .find((path) => existsSync(path)) ?? root;

/** Paths in backticks that start at the top of the repository, and relative links. */
function namedFiles(path, text) {
  const inTicks = [...text.matchAll(/`((?:apps|packages|infra|test|docs|\.ci)\/[\w./-]*[\w/])`/g)].map(
    ([, name]) => name,
  );
  const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target]) =>
    relative(root, normalize(join(dirname(path), target))),
  );
  return [...inTicks, ...links];
}

for (const path of markdown(root)) {
  const text = readFileSync(path, 'utf8');
  t.test(`${relative(root, path)} names only files and scripts that exist`, async (t) => {
    const missing = namedFiles(path, text).filter((name) => !existsSync(join(root, name)));
    t.same(missing, [], 'files and links');
    const unknown = [...text.matchAll(/\bnpm run ([\w:-]+)(?: -w @scion\/(\w+))?/g)]
      .filter(([, name, workspace]) => !scriptsFor(workspace ? folderOf(workspace) : path).has(name))
      .map(([call]) => call);
    t.same(unknown, [], 'npm scripts');
  });
}
