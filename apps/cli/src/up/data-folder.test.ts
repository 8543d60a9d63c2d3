import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { claimDataFolder, findRunning, runFolderOf } from './data-folder.js';

async function newFolder(t: { teardown(act: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'scion-cli-'));
  t.teardown(async () => {
    await rm(folder, { recursive: true });
    await rm(runFolderOf(folder), { recursive: true, force: true });
  });
  return folder;
}

t.test('one system at a time runs on a data folder, and is found by it', async (t) => {
  const folder = await newFolder(t);
  t.equal(await findRunning(folder), undefined);
  const claimed = await claimDataFolder(folder, 'http://127.0.0.1:1');
  t.same(await findRunning(folder), { pid: process.pid, url: 'http://127.0.0.1:1' });
  await t.rejects(claimDataFolder(folder, 'http://127.0.0.1:2'), {
    message: /already running at http:\/\/127\.0\.0\.1:1 \(pid \d+\)/,
  });
  await claimed.release();
  t.equal(await findRunning(folder), undefined);
  const next = await claimDataFolder(folder, 'http://127.0.0.1:2');
  t.match(await findRunning(folder), { url: 'http://127.0.0.1:2' });
  await next.release();
});

t.test('it is found from a shell with another folder for temporary files', async (t) => {
  const folder = await newFolder(t);
  const claimed = await claimDataFolder(folder, 'http://127.0.0.1:1');
  const { TMPDIR } = process.env;
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  process.env.TMPDIR = folder;
  t.match(await findRunning(folder), { url: 'http://127.0.0.1:1' });
  await claimed.release();
});

t.test('who answers from a folder that others may write to is not believed', async (t) => {
  const folder = await newFolder(t);
  const runPath = runFolderOf(folder);
  await mkdir(runPath);
  await chmod(runPath, 0o777);
  const stranger = createServer((peer) => peer.end(JSON.stringify({ pid: 1, url: 'http://192.0.2.1' })));
  await new Promise<void>((done) => stranger.listen(join(runPath, 'supervisor.sock'), done));
  t.equal(await findRunning(folder), undefined);
  await t.rejects(claimDataFolder(folder, 'http://127.0.0.1:1'), { message: /others .* may write to it/ });
  await new Promise((done) => stranger.close(done));
});

t.test('one that was stopped holds nobody up, and keeps its folder', async (t) => {
  const folder = await newFolder(t);
  const module = new URL('./data-folder.js', import.meta.url).href;
  const script = `const { claimDataFolder } = await import(${JSON.stringify(module)});
    await claimDataFolder(process.argv[1], 'http://127.0.0.1:1');
    process.send('claimed');`;
  const args = ['--input-type=module', '--eval', script, folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'message');
  child.kill('SIGSTOP');
  const silent = { name: 'UserError', exit: 'unavailable', message: /does not answer/, hint: /Ctrl-Z/ };
  await t.rejects(findRunning(folder), silent);
  await t.rejects(claimDataFolder(folder, 'http://127.0.0.1:2'), silent);
  child.kill('SIGCONT');
  t.match(await findRunning(folder), { pid: child.pid });
});

t.test('one that ends in the midst of its answer is none', async (t) => {
  const folder = await newFolder(t);
  await mkdir(runFolderOf(folder), { mode: 0o700 });
  const server = createServer((peer) => peer.end('{"pid":'));
  await new Promise<void>((done) => server.listen(join(runFolderOf(folder), 'supervisor.sock'), done));
  t.equal(await findRunning(folder), undefined);
  await new Promise((done) => server.close(done));
});
