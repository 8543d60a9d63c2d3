// The SDK as a stranger gets it: tarballs of `npm pack`, unpacked beside the few packages it depends on.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The tarball of one of our packages and the names of the files in it. */
export function pack(name, folder) {
  const output = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    // npm says what it thinks of the machine's settings on standard error.
    { cwd: join(root, 'packages', name), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const parsed = JSON.parse(output);
  const [{ filename, files }] = Array.isArray(parsed) ? parsed : Object.values(parsed);
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

/** A program's folder, `app` in `folder`, with the packed SDK and nothing of this repository installed. */
export function installPacked(folder, sdk = pack('sdk', folder)) {
  const app = join(folder, 'app');
  const modules = join(app, 'node_modules');
  for (const [name, { tarball }] of Object.entries({ sdk, contracts: pack('contracts', folder) })) {
    const target = join(modules, '@scion', name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['xzf', tarball, '-C', target, '--strip-components=1']);
  }
  for (const name of ['eventsource-parser', 'typebox', 'ulid'])
    cpSync(realpathSync(join(root, 'node_modules', name)), join(modules, name), { recursive: true });
  writeFileSync(join(app, 'package.json'), '{"type": "module"}');
  return app;
}
