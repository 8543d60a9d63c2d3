/** The worker process: trains models and delivers webhooks until SIGTERM, SIGINT or the loss of its supervisor. */
import { getPriority, setPriority } from 'node:os';
import { errorForLog } from '@scion/contracts';
import pino from 'pino';
import { ConfigError, readConfig } from './config.js';
import { startWorker } from './start-worker.js';

/** Beyond the grace of its jobs, what a worker takes at most to end. */
const closeMs = 10_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({
    level: config.logLevel,
    base: { app: 'worker', pid: process.pid },
    serializers: { err: errorForLog },
  });
  // Before the engine starts its threads: on Linux a thread inherits the priority of the one that creates it.
  if (config.nice > 0) setPriority(Math.min(19, getPriority() + config.nice));

  const asked = new Promise<string>((done) => {
    process.once('SIGTERM', done);
    process.once('SIGINT', done);
    // A supervisor holds the other end of the IPC channel, and its death closes it.
    process.once('disconnect', () => done('disconnect'));
  });
  // It has taken up nothing before it has started: whoever ends it then need not wait for a Redis that does not answer.
  const worker = await Promise.race([startWorker({ config, log }), asked]);
  if (typeof worker === 'string') {
    log.info({ reason: worker }, 'worker stopped before it had started');
    return;
  }
  const reason = await asked;
  log.info({ reason }, 'worker stopping');
  // Each last word to a Redis that is away waits for it, one after the other. A worker may end at any moment: others take up its jobs.
  setTimeout(() => {
    log.warn('worker ends with things left to say, and leaves its jobs to others');
    process.exit(1);
  }, config.graceMs + closeMs).unref();
  await worker.close();
  log.info('worker stopped');
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
