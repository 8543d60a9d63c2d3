// Brings a plain clone to the point where Scion can run: dependencies, build, Redis. It imports nothing but Node's
// own modules, since it runs before anything is installed, and says in one line each what it does.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
/** Names of browsers that the dashboard's tests can drive. */
export const browsers = ['chromium', 'chromium-browser', 'google-chrome'];
/** Builds everything. A development dependency: npm leaves it out where NODE_ENV is production, unless told not to. */
const turbo = join(root, 'node_modules/turbo/bin/turbo');

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

/**
 * Does a step and says how long it took. On a terminal its line shows the seconds meanwhile: a minute of nothing looks like
 * a fault. A failed step answers false.
 */
async function step(doing, done, run) {
  const startedAt = performance.now();
  const seconds = (digits) => ((performance.now() - startedAt) / 1000).toFixed(digits);
  const { stdout } = process;
  const tick = () => stdout.write(`\rscion: ${doing}: ${seconds(0)} s `);
  const timer = stdout.isTTY ? setInterval(tick, 1000) : undefined;
  if (stdout.isTTY) tick();
  else say(doing);
  const worked = await run();
  clearInterval(timer);
  if (stdout.isTTY) stdout.write('\r\x1b[K');
  if (worked) say(`${done} in ${seconds(1)} s`);
  return worked;
}

/** Runs a program without a word of its own; what it said is shown where it fails. Answers whether it ended well. */
function run(command, args, { quiet = false, env = {} } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', ...env },
    });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => said.push(part));
    const end = (worked) => {
      if (!worked && !quiet) process.stderr.write(`\n${Buffer.concat(said)}`);
      done(worked);
    };
    child.on('error', () => end(false));
    child.on('close', (status) => end(status === 0));
  });
}

/** What package.json's `engines` says. npm leaves out, without a word, native parts of the build that do not run on others. */
export function isFitNode(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === 20 ? minor >= 19 : major === 22 ? minor >= 12 : major > 22;
}

function checkNode() {
  const { node } = process.versions;
  if (!isFitNode(node)) refuse(`Node 20.19 or newer is needed, of 22 from 22.12 on; this is ${node}`);
}

/** Does something once for each state of the lock file, and where what it makes is not there: that goes with node_modules. */
async function oncePerLock(name, work, isThere = true) {
  const stamp = join(root, `node_modules/.scion-${name}`);
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (isThere && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  await work();
  writeFileSync(stamp, lock);
}

async function install() {
  const ci = () => run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  const doing = 'installing dependencies (npm ci; about a minute on a new machine)';
  if (!(await step(doing, 'dependencies installed', ci)))
    refuse('npm ci failed; is the npm registry reachable?');
}

async function build() {
  const args = [turbo, 'run', 'build', '--output-logs=errors-only'];
  const doing = 'building what has changed (the first time some 40 s)';
  if (!(await step(doing, 'built', () => run(process.execPath, args)))) refuse('the build failed');
}

/** Installs Debian packages where that is possible: as root, with apt-get at hand. */
async function aptInstall(packages, why) {
  const apt = onPath('apt-get');
  if (!apt || process.getuid?.() !== 0) return;
  const options = { quiet: true, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const get = () => run(apt, ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
  const names = packages.join(', ');
  const installed = await step(
    `installing ${names} with apt-get (${why})`,
    `${names} installed`,
    async () => (await get()) || ((await run(apt, ['update', '-qq'], options)) && (await get())),
  );
  if (!installed) say(`apt-get could not install ${names}`);
}

async function ensureRedis() {
  if (process.env.REDIS_URL || onPath('redis-server', 'valkey-server')) return;
  await aptInstall(['redis-server'], 'no redis-server or valkey-server on PATH, and REDIS_URL is not set');
}

async function ensureBrowser() {
  if (onPath(...browsers)) return;
  await aptInstall(['chromium'], 'the dashboard is tested in a real browser');
}

/** tap writes its own test class from the plugins that package.json names; without this the first run uses others. */
async function buildTap() {
  if (!(await run(process.execPath, [join(root, 'node_modules/.bin/tap'), 'build'])))
    refuse('tap could not be set up');
}

export async function prepare({ tests = false } = {}) {
  checkNode();
  await oncePerLock('installed', install, existsSync(turbo));
  await build();
  await ensureRedis();
  if (!tests) return;
  await oncePerLock('tap-built', buildTap);
  await ensureBrowser();
}
