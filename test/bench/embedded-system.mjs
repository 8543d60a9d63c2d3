// The embedded system as a bench sees it: started in a folder of its own, with one tenant and its key.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../apps/cli/dist/index.js', import.meta.url));

/** Resolves once it serves. `call` sends JSON and throws unless the answer is 2xx; `close` stops it and removes its folder. */
export async function startEmbeddedSystem() {
  const folder = mkdtempSync(join(tmpdir(), 'scion-bench-'));
  const port = await new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const system = spawn(process.execPath, [entry, 'up', '--data', folder, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // However busy the machine is: a bench wants the answer, late or not.
    env: { ...process.env, SCION_MAX_EVENT_LOOP_DELAY_MS: '0' },
  });
  const exited = new Promise((done) => system.once('exit', done));
  const close = async () => {
    system.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  async function call(method, path, key, body, headers = {}) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  try {
    await new Promise((done, fail) => {
      system.stdout.setEncoding('utf8').on('data', (part) => part.includes('serving; Ctrl-C') && done());
      exited.then((code) => fail(new Error(`the system ended with ${code} before it served`)));
    });
    const operator = readFileSync(join(folder, 'operator-key'), 'utf8').trim();
    const tenant = await call('POST', '/v1/tenants', operator, { name: 'bench' });
    const wanted = { name: 'bench', scopes: ['admin', 'train', 'predict'] };
    const { secret: key } = await call('POST', '/v1/keys', operator, wanted, { 'scion-tenant': tenant.id });
    return { url, key, folder, call, close };
  } catch (error) {
    await close();
    throw error;
  }
}
