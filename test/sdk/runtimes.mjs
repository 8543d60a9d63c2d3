// Deno and Bun as plain npm packages: each platform's holds the program itself, so that nothing has to be installed.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './packed.mjs';

const run = promisify(execFile);
const platform = `${process.platform}-${process.arch}`;
const cache = join(root, 'node_modules/.cache/scion-runtimes');

const runtimes = {
  deno: {
    version: '2.9.6',
    program: 'deno',
    packages: {
      'linux-x64': '@deno/linux-x64-glibc',
      'linux-arm64': '@deno/linux-arm64-glibc',
      'darwin-x64': '@deno/darwin-x64',
      'darwin-arm64': '@deno/darwin-arm64',
    },
    args: ['run', '--quiet', '--no-prompt', '--allow-net=127.0.0.1'],
  },
  bun: {
    version: '1.4.5',
    program: 'bin/bun',
    packages: {
      'linux-x64': '@oven/bun-linux-x64-baseline',
      'linux-arm64': '@oven/bun-linux-aarch64',
      'darwin-x64': '@oven/bun-darwin-x64',
      'darwin-arm64': '@oven/bun-darwin-aarch64',
    },
    args: ['run'],
  },
};

export const runtimeNames = Object.keys(runtimes);

/** The command that runs a program in a fetched runtime; undefined where it was not fetched. */
export function runtimeCommand(name) {
  const { version, program, args } = runtimes[name];
  const path = join(cache, `${name}-${version}`, 'package', program);
  return existsSync(path) ? [path, ...args] : undefined;
}

/** Gets a runtime from npm, which checks what it gets against the registry's hash. */
export async function fetchRuntime(name) {
  if (runtimeCommand(name)) return;
  const { version, packages } = runtimes[name];
  if (!packages[platform]) throw new Error(`npm has no ${name} for ${platform}`);
  const folder = join(cache, `${name}-${version}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { stdout } = await run('npm', [
    ...['pack', `${packages[platform]}@${version}`, '--ignore-scripts', '--silent'],
    ...['--pack-destination', folder],
  ]);
  const tarball = join(folder, stdout.trim().split('\n').at(-1));
  await run('tar', ['xzf', tarball, '-C', folder]);
  rmSync(tarball);
}
