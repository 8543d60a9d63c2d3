// `npm test`: everything that must hold, on real parts. Arguments choose files by a part of their path:
// `npm test -- registry` runs only those, without the static checks and the coverage floor.
// Ends with one line computed from the results, `N passed, N failed, N skipped`: every static check counts as one,
// every tap assertion as one.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { prepare, root, say } from './prepare.mjs';
import { runFiles } from './run-files.mjs';

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

/**
 * Compiled tests whose source still exists (a renamed test leaves its old output behind), and those of test/. These come first:
 * they start whole systems, and the longest of all must not be the last, which runs alone.
 */
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
    .sort((a, b) => Number(isOfSystem(b)) - Number(isOfSystem(a)) || (a < b ? -1 : 1));
}

const isOfSystem = (file) => file.startsWith(`test${sep}`);

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

const patterns = process.argv.slice(2);
await prepare({ tests: true });
const whole = patterns.length === 0;
const checks = whole ? runStaticChecks() : { passed: 0, failed: 0 };
const files = testFiles(patterns);
if (files.length === 0) say(`no test file's path contains ${patterns.join(' or ')}`);
// Not before everything is installed.
const { createCoverage } = await import('./coverage.mjs');
const coverage = whole ? createCoverage({ root, floors: coverageFloor }) : undefined;
const tests = await runFiles(files, {
  ...{ root, jobs: Math.min(availableParallelism(), 4) },
  coverageOf: coverage?.folderOf,
  onFile: coverage?.keep,
});
if (files.length === 0) tests.failed = 1;
if (coverage && !(await coverage.check())) {
  say(`FAILED: less of our code is executed than ${JSON.stringify(coverageFloor)} per cent`);
  tests.failed += 1;
}
const failed = checks.failed + tests.failed;
process.stdout.write(
  `\n${checks.passed + tests.passed} passed, ${failed} failed, ${tests.skipped} skipped\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
