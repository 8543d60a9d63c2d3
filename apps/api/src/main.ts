/** The HTTP process: serves until SIGTERM, SIGINT or the loss of its supervisor. */
import { readFileSync } from 'node:fs';
import { errorForLog } from '@scion/contracts';
import pino from 'pino';
import { ConfigError, readConfig } from './config.js';
import { startApi } from './start-api.js';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({
    level: config.logLevel,
    base: { app: 'api', pid: process.pid },
    serializers: { err: errorForLog },
  });
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  const asked = new Promise<string>((done) => {
    process.once('SIGTERM', done);
    process.once('SIGINT', done);
    // A supervisor holds the other end of the IPC channel, and its death closes it.
    process.once('disconnect', () => done('disconnect'));
  });
  // To a supervisor, who cannot tell by the port alone that it is this process which answers there.
  const tell = (word: 'indexing' | 'ready'): void => {
    if (process.connected) process.send?.(word);
  };
  // Nothing has been promised before it serves: whoever ends it then need not wait for a Redis that does not answer.
  const starting = startApi({ config, log, version, onIndexing: () => tell('indexing') });
  const api = await Promise.race([starting, asked]);
  if (typeof api === 'string') {
    log.info({ reason: api }, 'api stopped before it served');
    return;
  }
  if (api.newOperatorKey !== null) {
    process.stdout.write(`operator key, shown this once: ${api.newOperatorKey}\n`);
  }
  tell('ready');
  const reason = await asked;
  log.info({ reason }, 'api stopping');
  await api.close();
  log.info('api stopped');
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
