// Brings a plain clone to the point where Scion can run: dependencies, build, Redis. It imports nothing but Node's
// own modules, since it runs before anything is installed, and says in one line each what it does.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const minimumNode = [20, 19];

export function say(line) {
  process.stdout.write(`scion: ${line}\n`);
}

/** Ends the process with one line and no stack: what is wrong, and the remedy. */
export function refuse(line) {
  process.stderr.write(`scion: ${line}\n`);
  process.exit(1);
}

export function onPath(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
  }
  return undefined;
}

function seconds(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

function run(command, args, failure) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    maxBuffer: 1 << 28,
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
    refuse(failure);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < minimumNode[0] || (major === minimumNode[0] && minor < minimumNode[1])) {
    refuse(`Node ${minimumNode.join('.')} or newer is needed; this is ${process.versions.node}`);
  }
}

/** Does a step once for each state of the lock file: what it made goes with node_modules. */
function oncePerLock(name, step) {
  const stamp = join(root, `node_modules/.scion-${name}`);
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  step();
  writeFileSync(stamp, lock);
}

function install() {
  const startedAt = performance.now();
  say('installing dependencies (npm ci; about a minute on a new machine)');
  run('npm', ['ci', '--no-audit', '--no-fund'], 'npm ci failed; is the npm registry reachable?');
  say(`dependencies installed in ${seconds(startedAt)}`);
}

function build() {
  const startedAt = performance.now();
  run(
    process.execPath,
    [join(root, 'node_modules/turbo/bin/turbo'), 'run', 'build', '--output-logs=errors-only'],
    'the build failed',
  );
  say(`built what had changed in ${seconds(startedAt)}`);
}

/** Installs Debian packages where that is possible: as root, with apt-get at hand. True when it did. */
function aptInstall(packages, why) {
  const apt = onPath('apt-get');
  if (!apt || process.getuid?.() !== 0) return false;
  say(`installing ${packages.join(', ')} with apt-get (${why})`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  try {
    execFileSync(apt, ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
  } catch {
    try {
      execFileSync(apt, ['update', '-qq'], options);
      execFileSync(apt, ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
    } catch {
      say(`apt-get could not install ${packages.join(', ')}`);
      return false;
    }
  }
  return true;
}

function ensureRedis() {
  if (process.env.REDIS_URL || onPath('redis-server', 'valkey-server')) return;
  aptInstall(['redis-server'], 'no redis-server or valkey-server on PATH, and REDIS_URL is not set');
}

function ensureBrowser() {
  if (onPath('chromium', 'chromium-browser', 'google-chrome')) return;
  aptInstall(['chromium'], 'the dashboard is tested in a real browser');
}

/** tap writes its own test class from the plugins that package.json names; without this the first run uses others. */
function buildTap() {
  run(process.execPath, [join(root, 'node_modules/.bin/tap'), 'build'], 'tap could not be set up');
}

export function prepare({ tests = false } = {}) {
  checkNode();
  oncePerLock('installed', install);
  build();
  ensureRedis();
  if (!tests) return;
  oncePerLock('tap-built', buildTap);
  ensureBrowser();
}
