import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
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
  const socket = join(runPath, 'supervisor.sock');
  const server = await listen(socket, url);
  return {
    path,
    runPath,
    release: () =>
      new Promise((done) => {
        server.close(() => done());
      }),
  };
}

/** Where the sockets of the system that runs on a data folder are. */
export function runFolderOf(folder: string): string {
  const digest = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12);
  return join(tmpdir(), `scion-${digest}`);
}

async function listen(socket: string, url: string): Promise<Server> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const server = createServer((peer) => peer.end(JSON.stringify({ pid: process.pid, url })));
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
      server.once('error', done);
      server.listen(socket, () => done(undefined));
    });
    if (failure === undefined) return server;
    if (failure.code !== 'EADDRINUSE') throw failure;
    const other = await askSupervisor(socket);
    if (other) {
      throw new UserError(
        `already running at ${other.url} (pid ${other.pid}); stop it, or choose another folder with --data`,
      );
    }
    await rm(socket, { force: true });
  }
  throw new UserError('another start on this data folder is under way; try again');
}

/** What the process behind the socket says of itself; undefined when there is none, or the socket is a leftover. */
export function askSupervisor(socket: string): Promise<{ pid: number; url: string } | undefined> {
  return new Promise((done) => {
    let text = '';
    connect(socket)
      .setEncoding('utf8')
      .on('data', (part: string) => {
        text += part;
      })
      .on('end', () => done(JSON.parse(text) as { pid: number; url: string }))
      .on('error', () => done(undefined));
  });
}
