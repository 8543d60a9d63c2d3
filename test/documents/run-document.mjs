// Runs a document's blocks as a reader would: in order, in one shell, with its files saved beside.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './start-system.mjs';

/** The repository as the reader's working folder: `data` is the running system's, files of blocks leave no trace. */
function makeFolder(t, { root, dataFolder }) {
  const folder = mkdtempSync(join(tmpdir(), 'scion-document-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of readdirSync(root))
    if (name !== 'data' && !name.startsWith('.')) symlinkSync(join(root, name), join(folder, name));
  symlinkSync(dataFolder, join(folder, 'data'));
  return folder;
}

/** Runs a command; resolves to what it printed, rejects with that when it fails. */
function run(command, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    // A socket as standard input makes bash read a remote shell's start-up files.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8');
      child[name].on('data', (part) => {
        printed[name] += part;
      });
    }
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) resolve(printed.stdout);
      else reject(new Error(`it ended with ${signal ?? status}:\n${printed.stdout}\n${printed.stderr}`));
    });
  });
}

const mark = '\u0001';

/**
 * Runs all `sh` blocks in one shell, then the `js` blocks without a name as one program. Blocks with a file's name are
 * saved first. Answers what each `sh` block printed, by its line.
 */
export async function runDocument(t, blocks, { root, url, dataFolder, apiKey }) {
  const cwd = makeFolder(t, { root, dataFolder });
  // Ports that documents name are those of this run.
  const port = String(await freePort());
  const here = (text) => text.replaceAll('http://127.0.0.1:7070', url).replace(/\b4000\b/g, port);
  const env = {
    ...{ PATH: process.env.PATH, HOME: cwd, SCION_DATA: dataFolder },
    // Who speaks of no key means the system on this machine, which the command line finds by its data folder.
    ...(blocks.some(({ text }) => text.includes('SCION_API_KEY')) && {
      SCION_URL: url,
      SCION_API_KEY: apiKey,
    }),
    ...{ NO_COLOR: '1', npm_config_update_notifier: 'false' },
  };
  for (const { kind, name, text } of blocks)
    if (name?.includes('.') && kind !== 'sh') writeFileSync(join(cwd, name), here(text));

  const shell = blocks.filter(({ kind, name }) => kind === 'sh' && name === undefined);
  const script = shell.map(({ text }) => `${here(text)}\nprintf '${mark}'\n`).join('');
  const printed =
    shell.length === 0 ? '' : await run('bash', ['--norc', '-eo', 'pipefail', '-c', script], { cwd, env });
  const outputs = printed.replaceAll(url, 'http://127.0.0.1:7070').replaceAll(`${cwd}/`, '').split(mark);

  const program = blocks.filter(({ kind, name }) => kind === 'js' && name === undefined);
  if (program.length > 0) {
    writeFileSync(join(cwd, 'document.mjs'), here(program.map(({ text }) => text).join('\n')));
    await run(process.execPath, ['document.mjs'], { cwd, env });
  }
  return new Map(shell.map(({ line }, index) => [line, outputs[index]]));
}
