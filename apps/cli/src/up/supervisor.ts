import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChildLog } from './child-log.js';

/** A child that is started again when it dies, with a pause that doubles up to ten seconds. */
export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  /** True once the present process has ended and no new one runs yet. */
  exited(): boolean;
}

export interface Supervisor {
  start(options: { name: string; spawn(): ChildProcess }): Supervised;
  /** Ends all children in the reverse order of their start: SIGTERM, then SIGKILL after `graceMs`. */
  stop(): Promise<void>;
}

interface Running extends Supervised {
  child: ChildProcess | undefined;
  ended: Promise<void>;
}

/**
 * Keeps child processes alive. Children get process groups of their own, so that Ctrl-C reaches only the supervisor,
 * which then ends them in order: writers before the Redis they write to.
 */
export async function createSupervisor(options: {
  logsPath: string;
  graceMs: number;
  notify(line: string): void;
}): Promise<Supervisor> {
  await mkdir(options.logsPath, { recursive: true, mode: 0o700 });
  const children: Running[] = [];
  let stopping = false;

  const supervise = async (running: Running, spawn: () => ChildProcess): Promise<void> => {
    const logPath = join(options.logsPath, `${running.name}.log`);
    const log = openChildLog(logPath, (error) =>
      options.notify(`${running.name} goes on without its log: ${error.message}`),
    );
    let pauseMs = 250;
    while (!stopping) {
      const startedAt = performance.now();
      const child = spawn();
      running.child = child;
      child.stdout?.on('data', log);
      child.stderr?.on('data', log);
      const outcome = await new Promise<string>((done) => {
        child.once('error', (error) => done(error.message));
        child.once('exit', (code, signal) => done(signal ?? `exit code ${code}`));
      });
      running.child = undefined;
      if (stopping) break;
      if (performance.now() - startedAt > 30_000) pauseMs = 250;
      options.notify(
        `${running.name} ended (${outcome}); starting it again in ${pauseMs} ms, its log is ${logPath}`,
      );
      // A pause under way when all is stopped must not keep this process.
      await sleep(pauseMs, undefined, { ref: false });
      pauseMs = Math.min(pauseMs * 2, 10_000);
    }
  };

  return {
    start({ name, spawn }) {
      const running: Running = {
        name,
        child: undefined,
        ended: Promise.resolve(),
        get pid() {
          return running.child?.pid;
        },
        exited: () => running.child === undefined,
      };
      running.ended = supervise(running, spawn);
      children.push(running);
      return running;
    },
    async stop() {
      stopping = true;
      for (const running of [...children].reverse()) {
        const { child } = running;
        if (!child) continue;
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), options.graceMs);
        await running.ended;
        clearTimeout(timer);
      }
    },
  };
}
