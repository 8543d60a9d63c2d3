/**
 * What becomes of each operation when its process is killed at each of its writes. Runs the fault tests and tells what
 * they found: `node test/bench/faults.mjs` after a build; `--registry` leaves the killed worker processes out.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const suites = [
  { file: 'packages/registry/dist/examples-faults.test.js', what: 'writes to store and Redis' },
  { file: 'packages/registry/dist/models-faults.test.js', what: 'writes to store and Redis' },
  { file: 'packages/registry/dist/jobs-faults.test.js', what: 'writes to store and Redis' },
  { file: 'packages/registry/dist/tenancy-faults.test.js', what: 'writes to store and Redis' },
  { file: 'packages/queue/dist/crash.test.js', what: 'kill -9 of worker processes' },
  { file: 'apps/worker/dist/kill.test.js', what: 'kill -9 of worker processes' },
  { file: 'test/durability.test.mjs', what: 'kill -9 and loss of Redis' },
].filter(({ file }) => !process.argv.includes('--registry') || file.includes('-faults'));

/** The lines a test file prints (TAP); its exit status says the same as they do. */
async function run(file) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, root))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return Buffer.concat(await child.stdout.toArray())
    .toString()
    .split('\n');
}

/** One row for each test of the file. */
function rowsOf(lines, { what }) {
  const rows = [];
  let points = [];
  let checks = 0;
  for (const line of lines) {
    const [, steps] = /^ {4}# (\d+) steps, killed (?:before|after) each/.exec(line) ?? [];
    if (steps !== undefined) points.push(Number(steps));
    if (/^ {4}ok /.test(line)) checks += 1;
    const [, not, name] = /^(not )?ok \d+ - (.+?)(?: # time.*)?$/.exec(line) ?? [];
    if (name === undefined) continue;
    rows.push({
      operation: name.replace(/: a death at any step, .*/, ''),
      points: points.length > 0 ? Math.max(...points) : '',
      kills: points.length > 0 ? points.reduce((sum, steps) => sum + steps, 0) : '',
      checks,
      outcome: not ? 'FAILED' : 'as it should be',
      by: what,
    });
    points = [];
    checks = 0;
  }
  return rows;
}

const rows = [];
for (const suite of suites) rows.push(...rowsOf(await run(suite.file), suite));
console.table(rows);
const sum = (name) => rows.reduce((total, row) => total + (Number(row[name]) || 0), 0);
const failed = rows.filter(({ outcome }) => outcome === 'FAILED').length;
console.log(`${rows.length} operations, ${sum('kills')} kills at ${sum('points')} points, ${failed} failed`);
mkdirSync(new URL('test/bench/out/', root), { recursive: true });
writeFileSync(new URL('test/bench/out/faults.json', root), `${JSON.stringify({ rows }, undefined, 2)}\n`);
process.exitCode = failed > 0 || rows.length === 0 ? 1 : 0;
