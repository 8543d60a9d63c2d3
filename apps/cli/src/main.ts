import { setMaxListeners } from 'node:events';
import { run } from './run.js';

/** Runs one `scion` command line of this process and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const { stdout, stderr, stdin, env } = process;
  // The reader of a pipe may leave early, as `head` does.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const controller = new AbortController();
  // Whatever is under way listens to it.
  setMaxListeners(0, controller.signal);
  const interrupt = (): void => controller.abort();
  // `up` ends its children in order by itself.
  if (argv[0] !== 'up') process.once('SIGINT', interrupt);
  try {
    process.exitCode = await run(argv, { stdout, stderr, stdin, env, signal: controller.signal });
  } finally {
    process.off('SIGINT', interrupt);
  }
}
