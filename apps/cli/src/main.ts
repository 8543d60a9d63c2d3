import { setMaxListeners } from 'node:events';
import { run } from './run.js';

/** Runs one `scion` command line of this process and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const { stdout, stderr, stdin, env } = process;
  const ownsChildren = argv[0] === 'up';
  for (const stream of [stdout, stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // What runs on ends its children in order, and must not die of a terminal that is gone before it has.
      if (ownsChildren && (error.code === 'EPIPE' || error.code === 'EIO')) return;
      // The reader of a pipe may leave early, as `head` does.
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  const controller = new AbortController();
  // Whatever is under way listens to it.
  setMaxListeners(0, controller.signal);
  const interrupt = (): void => controller.abort();
  // `up` ends its children in order by itself.
  if (!ownsChildren) process.once('SIGINT', interrupt);
  try {
    process.exitCode = await run(argv, { stdout, stderr, stdin, env, signal: controller.signal });
  } finally {
    process.off('SIGINT', interrupt);
  }
}
