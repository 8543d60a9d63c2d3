// `npm test`: everything that must hold, on real parts. Arguments choose files by a part of their path:
// `npm test -- registry` runs only those, without the static checks and the coverage floor.
// Ends with one line computed from the results, `N passed, N failed, N skipped`: every static check counts as one,
// every tap assertion as one.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { createInterface } from 'node:readline';
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

/**
 * Runs tap once over all files. Its raw output is read rather than a reporter's picture of it: one line a file is shown,
 * with reasons of skipped tests, and the whole of a file that failed.
 */
async function runTap(files, { coverage }) {
  const args = [
    'node_modules/.bin/tap',
    `--jobs=${Math.min(availableParallelism(), 4)}`,
    '--reporter=tap',
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
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let block = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const point = /^(\s*)(not )?ok \d+/.exec(line);
    // A point that closes a subtest repeats what its own points said; only leaves count.
    const closes = point && block.at(-1)?.startsWith(`${point[1]}    `);
    if (point && !closes) {
      if (/ # (SKIP|TODO)\b/i.test(line)) {
        counts.skipped++;
        process.stdout.write(`${line.trim()}\n`);
      } else if (point[2]) counts.failed++;
      else counts.passed++;
    }
    block.push(line);
    if (!point || point[1] !== '') {
      if (/^(Statements|Branches|Functions|Lines|ERROR)/.test(line)) process.stdout.write(`${line}\n`);
      return;
    }
    process.stdout.write(point[2] ? `${block.join('\n')}\n` : `${line}\n`);
    block = [];
  });
  const closed = new Promise((done) => lines.on('close', done));
  const status = await new Promise((done) => child.on('close', done));
  await closed;
  // A run that failed without a failed point: a file that died, or the coverage floor.
  if (status !== 0 && counts.failed === 0) {
    process.stdout.write(`${block.join('\n')}\ntap ended with ${status}\n`);
    counts.failed = 1;
  }
  if (counts.passed === 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

const patterns = process.argv.slice(2);
await prepare({ tests: true });
const whole = patterns.length === 0;
const checks = whole ? runStaticChecks() : { passed: 0, failed: 0 };
const files = testFiles(patterns);
// tap without a file takes whatever it finds, benches among them.
if (files.length === 0) say(`no test file's path contains ${patterns.join(' or ')}`);
const tests =
  files.length > 0 ? await runTap(files, { coverage: whole }) : { passed: 0, failed: 1, skipped: 0 };
const failed = checks.failed + tests.failed;
process.stdout.write(
  `\n${checks.passed + tests.passed} passed, ${failed} failed, ${tests.skipped} skipped\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
