import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../user-error.js';

/** Where one embedded Scion keeps what it must remember, and where it puts its sockets. */
export interface DataFolder {
  path: string;
  /** A short folder for unix sockets, whose paths may not exceed 107 bytes. */
  runPath: string;
  /** Lets another process start on this folder. */
  release(): Promise<void>;
}

/**
 * Claims a data folder for this process. The claim is a listening unix socket: unlike a pid file it is gone with its
 * process, however that ends, and it can tell a second start where the first one serves.
 */
export async function claimDataFolder(folder: string, url: string): Promise<DataFolder> {
  const path = resolve(folder);
  const runPath = runFolderOf(path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await mkdir(runPath, { recursive: true, mode: 0o700 });
  if (!(await isOwn(runPath, path)))
    throw new UserError(
      `${runPath} is where the sockets of ${path} belong, but others made it or may write to it; remove it`,
    );
  const server = await listen(path, url);
  return {
    path,
    runPath,
    release: () =>
      new Promise((done) => {
        server.close(() => done());
      }),
  };
}

/**
 * Where the sockets of the system that runs on a data folder are. The same whatever TMPDIR is, or a shell that has another one
 * would find no system, and start a second.
 */
export function runFolderOf(folder: string): string {
  const digest = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12);
  return join(existsSync('/tmp') ? '/tmp' : tmpdir(), `scion-${digest}`);
}

/**
 * Whether a run folder was made by this user, the data's owner or root, and is nobody else's to write to: where all put their
 * temporary files anybody may make one, and would be sent the operator's key.
 */
async function isOwn(runPath: string, dataPath: string): Promise<boolean> {
  const [run, data] = await Promise.all([lstat(runPath), stat(dataPath)]);
  const trusted = [process.getuid?.(), data.uid, 0];
  return run.isDirectory() && trusted.includes(run.uid) && (run.mode & 0o022) === 0;
}

async function listen(folder: string, url: string): Promise<Server> {
  const socket = socketOf(folder);
  for (let attempt = 0; attempt < 2; attempt++) {
    const server = createServer((peer) => {
      // Who asked may have left meanwhile.
      peer.on('error', () => {});
      peer.end(JSON.stringify({ pid: process.pid, url }));
    });
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
      server.once('error', done);
      server.listen(socket, () => done(undefined));
    });
    if (failure === undefined) return server;
    if (failure.code !== 'EADDRINUSE') throw failure;
    const other = await findRunning(folder);
    if (other) {
      throw new UserError(
        `already running at ${other.url} (pid ${other.pid}); stop it, or choose another folder with --data`,
      );
    }
    await rm(socket, { force: true });
  }
  throw new UserError('another start on this data folder is under way; try again');
}

const socketOf = (folder: string): string => join(runFolderOf(folder), 'supervisor.sock');

/** How long the system that runs is waited for; it answers in a millisecond unless it was stopped with Ctrl-Z. */
const answersWithinMs = 2_000;

/** What the system that runs on a data folder says of itself; undefined when there is none. */
export async function findRunning(folder: string): Promise<{ pid: number; url: string } | undefined> {
  if (!(await isOwn(runFolderOf(folder), folder).catch(() => false))) return undefined;
  const text = await new Promise<string>((done, fail) => {
    let text = '';
    const peer = connect(socketOf(folder))
      .setEncoding('utf8')
      .setTimeout(answersWithinMs)
      .on('data', (part: string) => {
        text += part;
      })
      .on('end', () => done(text))
      // Nobody listens: a leftover.
      .on('error', () => done(''))
      .on('timeout', () => {
        peer.destroy();
        // Not a leftover: it holds the folder, and its children may go on serving.
        fail(
          new UserError(`what runs on ${resolve(folder)} does not answer`, {
            hint: 'if it was stopped with Ctrl-Z, fg in its terminal lets it go on',
            exit: 'unavailable',
          }),
        );
      });
  });
  try {
    return JSON.parse(text) as { pid: number; url: string };
  } catch {
    // It ended before it had said all.
    return undefined;
  }
}
