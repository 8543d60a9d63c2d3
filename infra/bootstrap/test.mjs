// `npm test`: everything that must hold, on real parts. Arguments choose files by a part of their path:
// `npm test -- registry` runs only those, without the static checks and the coverage floor.
// Ends with one line computed from the results, `N passed, N failed, N skipped`: every static check counts as one,
// every tap assertion as one.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { prepare, root, say } from './prepare.mjs';

/** Lines of our own code that the tests must execute, in per cent. Raise it when the real figure allows. */
const coverageFloor = { lines: 95, statements: 95, functions: 90, branches: 88 };

const staticChecks = [
  ['format and lint', 'biome', ['check', '.']],
  ['import fences', 'depcruise', ['--config', '.dependency-cruiser.mjs', 'apps/*/src', 'packages/*/src']],
  ['dead code and dependencies', 'knip', []],
];

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'fixtures') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Compiled tests whose source still exists (a renamed test leaves its old output behind), and those of test/. */
function testFiles(patterns) {
  const files = [...filesBelow(join(root, 'packages')), ...filesBelow(join(root, 'apps'))]
    .filter((path) => path.includes(`${sep}dist${sep}`) && path.endsWith('.test.js'))
    .filter((path) =>
      existsSync(path.replace(`${sep}dist${sep}`, `${sep}src${sep}`).replace(/\.js$/, '.ts')),
    );
  files.push(...[...filesBelow(join(root, 'test'))].filter((path) => path.endsWith('.test.mjs')));
  return files
    .map((path) => relative(root, path))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
    .sort();
}

function runStaticChecks() {
  let passed = 0;
  let failed = 0;
  for (const [name, command, args] of staticChecks) {
    const result = spawnSync(join(root, 'node_modules/.bin', command), args, { cwd: root, encoding: 'utf8' });
    if (result.status === 0) {
      passed++;
      say(`ok: ${name}`);
    } else {
      failed++;
      process.stdout.write(`${result.stdout}${result.stderr}`);
      say(`FAILED: ${name}`);
    }
  }
  return { passed, failed };
}

/** Runs tap once over all files; its last summary line carries the counts. */
async function runTap(files, { coverage }) {
  const args = [
    'node_modules/.bin/tap',
    `--jobs=${Math.min(availableParallelism(), 4)}`,
    '--reporter=terse',
    '--no-color',
    ...(coverage
      ? [
          '--coverage-report=text-summary',
          ...Object.entries(coverageFloor).map(([name, percent]) => `--${name}=${percent}`),
        ]
      : ['--disable-coverage']),
    ...files,
  ];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    // The SDK's notice about Node 20 says nothing about Scion.
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (part) => {
    output += part;
    process.stdout.write(part);
  });
  const status = await new Promise((done) => child.on('close', done));
  const summary = [...output.matchAll(/^# \{ total: \d+.*\}$/gm)].at(-1)?.[0] ?? '';
  const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0);
  const counts = { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
  // A run without a summary, or one that failed for its coverage alone, is a failure too.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.passed === 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

const patterns = process.argv.slice(2);
prepare({ tests: true });
const whole = patterns.length === 0;
const checks = whole ? runStaticChecks() : { passed: 0, failed: 0 };
const tests = await runTap(testFiles(patterns), { coverage: whole });
const failed = checks.failed + tests.failed;
process.stdout.write(
  `\n${checks.passed + tests.passed} passed, ${failed} failed, ${tests.skipped} skipped\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
