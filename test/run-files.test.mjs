// The runner of the tests: what counts, and that nothing which ends badly is taken for success.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { runFiles } from '../infra/bootstrap/run-files.mjs';

const folder = mkdtempSync(join(tmpdir(), 'scion-run-files-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const tap = fileURLToPath(import.meta.resolve('tap'));

/** Runs files of these texts; answers the sums and what was shown. */
async function runTexts(texts, options = {}) {
  const files = Object.entries(texts).map(([name, text]) => {
    const path = join(folder, `${name}.test.mjs`);
    writeFileSync(path, `import t from ${JSON.stringify(tap)};\n${text}`);
    return path;
  });
  let shown = '';
  const write = (text) => {
    shown += text;
  };
  return { ...(await runFiles(files, { root: folder, jobs: 2, write, ...options })), shown };
}

t.test('leaves are counted, subtests are not, and a skipped test tells its reason', async (t) => {
  const { shown, ...counts } = await runTexts({
    one: `t.pass('a'); t.test('nested', async (t) => { t.pass('b'); t.pass('c'); });
      t.test('left out', { skip: 'no GPU here' }, async () => {});`,
    two: `t.equal(1, 1); t.test('throws where it does not hold', async () => {});`,
  });
  t.same(counts, { passed: 5, failed: 0, skipped: 1 });
  t.match(shown, /SKIP no GPU here/);
  t.match(shown, /^ok - .*one\.test\.mjs # [\d.]+ s$/m);
});

t.test('a failed assertion is counted once, with all that its file printed', async (t) => {
  const { shown, ...counts } = await runTexts({
    bad: `t.test('nested', async (t) => { t.pass('a'); t.equal(1, 2, 'sums'); });`,
  });
  t.same(counts, { passed: 1, failed: 1, skipped: 0 });
  t.match(shown, /not ok \d+ - sums/);
  t.match(shown, /^not ok - .*bad\.test\.mjs/m);
});

const endings = {
  'ends with a status': `t.pass('a'); process.on('exit', () => { process.exitCode = 3; });`,
  'dies on a signal': `t.pass('a'); process.kill(process.pid, 'SIGKILL');`,
  'ends before its plan': `t.pass('a'); process.reallyExit(0);`,
  'tests nothing': ``,
  'waits for what never comes': `t.test('nested', async () => { await new Promise(() => {}); });`,
};
for (const [ending, text] of Object.entries(endings))
  t.test(`a file that ${ending} has failed`, async (t) => {
    const { failed } = await runTexts({ [ending.replaceAll(' ', '-')]: text });
    t.ok(failed > 0);
  });
