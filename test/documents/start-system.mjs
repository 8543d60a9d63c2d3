// One whole system for all documents, as `npm start` runs it: Redis, API and worker as real processes, the real base.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../apps/cli/dist/index.js', import.meta.url));

export function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Starts it with the demo. `output` is all that it printed; `dataFolder` holds the operator's key. */
export async function startSystem(t) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'scion-documents-'));
  const port = await freePort();
  const args = [cli, 'up', '--demo', '--data', dataFolder, '--port', String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => child.on('exit', done));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(dataFolder, { recursive: true, force: true });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (part) => {
      output += part;
    });
  }
  const deadline = Date.now() + 90_000;
  while (!output.includes('serving; Ctrl-C stops everything')) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`it did not start:\n${output}`);
    await sleep(20);
  }
  const url = `http://127.0.0.1:${port}`;
  // As a reader's own system would say it, with folder and port at their defaults.
  return {
    url,
    dataFolder,
    output: output.replaceAll(url, 'http://127.0.0.1:7070').replaceAll(dataFolder, 'data'),
  };
}
