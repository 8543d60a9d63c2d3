import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createSupervisor } from './supervisor.js';

/** `start` lets a supervised child run a script until it says that it is done, then stops both. */
function supervise(t: { testdir(): string }, script: string) {
  const logsPath = t.testdir();
  const lines: string[] = [];
  const start = async () => {
    const supervisor = await createSupervisor({
      logsPath,
      graceMs: 5_000,
      notify: (line) => lines.push(line),
    });
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    const child = spawn(process.execPath, ['--eval', `${script}; process.on('disconnect', () => {})`], {
      stdio: [...stdio],
    });
    const [done, closed] = [once(child, 'message'), once(child, 'close')];
    supervisor.start({ name: 'talker', spawn: () => child });
    await done;
    await supervisor.stop();
    // Only now all that it wrote has been read.
    await closed;
  };
  return { ...{ logsPath, lines, start }, log: join(logsPath, 'talker.log') };
}

/** More than a pipe holds, so that a child which nobody reads from would wait for ever. */
const writesLines = (count: number) =>
  `process.stdout.write(('x'.repeat(1023) + '\\n').repeat(${count}), () => process.send('done'))`;

t.test('a child whose log cannot be written goes on, and that is told once', async (t) => {
  const { log, lines, start } = supervise(t, writesLines(2_000));
  await mkdir(log);
  await start();
  t.match(lines, [/^talker goes on without its log: .*EISDIR/]);
  t.equal(lines.length, 1);
});

t.test('a log and the one before it hold 20 MiB at most, the last words among them', async (t) => {
  const { log, lines, start } = supervise(t, writesLines(35_000));
  await start();
  const sizes = await Promise.all([log, `${log}.1`].map(async (path) => (await stat(path)).size));
  for (const size of sizes) t.ok(size > 0 && size <= 10 * 2 ** 20, `${size} bytes`);
  t.equal((await readFile(log)).at(-1), 10);
  t.equal((await stat(log)).mode & 0o077, 0, 'nobody else reads it');
  t.same(lines, []);
});

t.test('a log goes on where the run before left it', async (t) => {
  const { log, start } = supervise(t, writesLines(1));
  for (const size of [1024, 2048]) {
    await start();
    t.equal((await stat(log)).size, size);
  }
});
