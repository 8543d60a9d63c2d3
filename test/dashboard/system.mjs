// Starts the whole embedded system for a test: `scion up` in a folder of its own, on a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../apps/cli/dist/index.js', import.meta.url));
const startsWithinMs = 120_000;

/** Resolves once it serves (and, with `--demo`, has shown its demo). Webhooks may point to this machine. */
export async function startSystem(...extra) {
  const folder = mkdtempSync(join(tmpdir(), 'scion-dashboard-'));
  const port = await freePort();
  const args = [cli, 'up', '--data', folder, '--port', String(port), ...extra];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A killed worker's job is taken up by the next one after this long instead of half a minute.
    env: { ...process.env, SCION_WEBHOOK_ALLOW_PRIVATE: 'true', SCION_LOCK_SECONDS: '5' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part) => {
      output += part;
    });
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGINT');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + startsWithinMs;
  while (!output.includes('serving; Ctrl-C')) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`scion up did not come to serve:\n${output}`);
    }
    await sleep(20);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    operatorKey: readFileSync(join(folder, 'operator-key'), 'utf8').trim(),
    /** Ends the worker as a crash would; its supervisor starts another. */
    killWorker: () => process.kill(childOf(child.pid, 'apps/worker/'), 'SIGKILL'),
    stop,
  };
}

/** The process that `parent` started and whose command line holds `part`. */
function childOf(parent, part) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, after] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) /);
      const isChild = after.split(' ')[1] === String(parent);
      if (isChild && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part)) return Number(pid);
    } catch {
      // It ended while it was looked at.
    }
  }
  throw new Error(`no child of ${parent} runs ${part}`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
