// Runs compiled test files, a few at a time, each a process of its own that prints TAP. tap's own runner puts a loader and an
// inspector into every process that a test starts, which took as long again as the tests: here they run as they would by hand,
// and V8 counts what they execute.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Seconds that one assertion may take; a test that needs longer says so. */
const testSeconds = 120;
/** Minutes after which a file that prints nothing more is killed. */
const silentMinutes = 6;

/**
 * One line a file is shown as it ends, with reasons of skipped tests, and the whole of a file that failed.
 * @param files paths from the root
 * @param coverageOf the folder for V8's counts of a file's processes, or undefined for none
 * @param onFile called after each file
 */
export async function runFiles(files, options) {
  const { root, jobs, coverageOf = () => undefined, onFile = () => {} } = options;
  const { write = (text) => process.stdout.write(text) } = options;
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const own = await runFile(file, { root, write, coverage: coverageOf(file) });
      for (const name of Object.keys(counts)) counts[name] += own[name];
      await onFile(file);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return counts;
}

async function runFile(file, { root, write, coverage }) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TAP_TIMEOUT: String(testSeconds),
      ...(coverage && { NODE_V8_COVERAGE: coverage }),
      // The SDK's notice about Node 20 says nothing about Scion.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  let isSilent = false;
  const kill = () => {
    isSilent = true;
    child.kill('SIGKILL');
  };
  const silence = setTimeout(kill, silentMinutes * 60_000);
  const printed = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    silence.refresh();
    printed.push(line);
  });
  const closed = new Promise((done) => lines.on('close', done));
  const status = await new Promise((done) => child.on('close', (code, signal) => done(code ?? signal)));
  await closed;
  clearTimeout(silence);

  const counts = readTap(printed);
  // A file that failed without a failed point died, or printed no plan: its last tests may never have run.
  const died =
    counts.failed === 0 && (status !== 0 || !counts.isPlanned || counts.passed + counts.skipped === 0);
  if (died) counts.failed = 1;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const shown = counts.failed > 0 ? printed : counts.skips;
  write(
    [
      ...shown,
      ...(died
        ? [isSilent ? `killed after ${silentMinutes} silent minutes` : `it ended with ${status}`]
        : []),
      `${counts.failed > 0 ? 'not ok' : 'ok'} - ${file} # ${seconds} s`,
      '',
    ].join('\n'),
  );
  return counts;
}

/**
 * What lines of TAP 14 say. A point that closes a subtest repeats what its own points said, so only leaves count; where it had
 * none, as a test of properties may, it is one itself.
 */
function readTap(lines) {
  const counts = { passed: 0, failed: 0, skipped: 0, skips: [], isPlanned: false };
  for (const [at, line] of lines.entries()) {
    if (/^1\.\.\d+/.test(line)) counts.isPlanned = true;
    const point = /^(\s*)(not )?ok \d+/.exec(line);
    const last = lines[at - 1] ?? '';
    if (!point || (last.startsWith(`${point[1]}    `) && !/^ +1\.\.0/.test(last))) continue;
    if (/ # (SKIP|TODO)\b/i.test(line)) {
      counts.skipped += 1;
      counts.skips.push(line.trim());
    } else counts[point[2] ? 'failed' : 'passed'] += 1;
  }
  return counts;
}
