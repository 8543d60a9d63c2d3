import type { BigIntStats } from 'node:fs';
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError, type Clock } from '@scion/contracts';
import { checkFolder, checkKey, checkLimit, checkPrefix } from '../keys.js';
import type { ObjectInfo, ObjectStore } from '../object-store.js';
import { fromBytes, pathOf, toBytes } from './file-names.js';
import { createFolders, errorCode } from './folders.js';
import { openTemporaryFiles } from './temporary-files.js';
import { holdsObject, walk } from './walk.js';

export interface FileStoreOptions {
  /** The folder that holds the objects; made if absent. Any number of processes may share it. */
  root: string;
  /** Tells the age of crashed writers' leftovers; default the system's clock. */
  clock?: Clock;
}

/** How often a writer makes its folder anew when others keep pruning it. */
const placeAttempts = 100;

/**
 * Objects as files. A write goes to a temporary file, is fsynced, then renamed (`put`) or hard-linked (`create`, which
 * fails atomically where the name is taken) into place, and the folder is fsynced: a reader, another process and a
 * power loss see the old object or the new one, whole.
 */
export async function createFileStore(options: FileStoreOptions): Promise<ObjectStore> {
  const root = resolve(options.root);
  const clock = options.clock ?? Date.now;
  const folders = createFolders(root);
  const temporary = await translated(async () => {
    const topmost = await mkdir(root, { recursive: true });
    if (topmost !== undefined) {
      for (let made = root; ; made = dirname(made)) {
        await folders.sync(dirname(made));
        if (made === topmost) break;
      }
    }
    const files = await openTemporaryFiles(root, clock);
    await checkLinks(files, root);
    return files;
  });

  /** Runs `move` in the key's folder, made anew as often as a concurrent delete prunes it. */
  const inFolder = async <T>(key: string, move: (target: string) => Promise<T>): Promise<T> => {
    const path = pathOf(key);
    for (let attempt = 1; ; attempt++) {
      try {
        const folder = await folders.ensure(path.folders);
        const moved = await move(join(folder, path.file));
        await folders.sync(folder);
        return moved;
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || attempt === placeAttempts) throw error;
      }
    }
  };

  const pathTo = (key: string) => {
    checkKey(key);
    const { folders: names, file } = pathOf(key);
    return { folder: join(root, ...names), path: join(root, ...names, file) };
  };

  return {
    async get(key) {
      const { path } = pathTo(key);
      return translated(async () => {
        const handle = await open(path, 'r').catch(ignoreAbsence);
        if (!handle) return undefined;
        try {
          const info = await handle.stat({ bigint: true });
          if (!info.isFile()) return undefined;
          return { ...infoOf(key, info), body: new Uint8Array(await handle.readFile()) };
        } finally {
          await handle.close();
        }
      });
    },

    async head(key) {
      const { path } = pathTo(key);
      return translated(() => statObject(key, path));
    },

    async put(key, body) {
      checkKey(key);
      return translated(async () => {
        const file = await temporary.write(body);
        try {
          const info = infoOf(key, await stat(file, { bigint: true }));
          await inFolder(key, (target) => rename(file, target));
          return info;
        } catch (error) {
          await temporary.remove(file);
          throw error;
        }
      });
    },

    async create(key, body) {
      const { path } = pathTo(key);
      return translated(async () => {
        // Spares the bytes in the common case; the link below decides.
        if (await statObject(key, path)) return undefined;
        const file = await temporary.write(body);
        try {
          const info = infoOf(key, await stat(file, { bigint: true }));
          await inFolder(key, (target) => link(file, target));
          return info;
        } catch (error) {
          if (errorCode(error) === 'EEXIST') return undefined;
          throw error;
        } finally {
          await temporary.remove(file);
        }
      });
    },

    async delete(key) {
      const { folder, path } = pathTo(key);
      return translated(async () => {
        await unlink(path).catch(ignoreAbsence);
        await folders.prune(folder);
      });
    },

    async list(prefix, { after, limit } = {}) {
      checkPrefix(prefix);
      const most = checkLimit(limit);
      return translated(async () => {
        const found: { key: string; path: string }[] = [];
        let more = false;
        const bound = after === undefined ? undefined : toBytes(after);
        for await (const { bytes, path } of walk({ root, prefix, after: bound, find: 'objects' })) {
          more = found.length === most;
          if (more) break;
          found.push({ key: fromBytes(bytes), path });
        }
        const infos = await Promise.all(found.map(({ key, path }) => statObject(key, path)));
        return {
          // Some may have been deleted since the walk met them.
          objects: infos.filter((info) => info !== undefined),
          next: more ? found.at(-1)!.key : null,
        };
      });
    },

    async children(prefix, { after, limit } = {}) {
      checkFolder(prefix);
      const most = checkLimit(limit);
      return translated(async () => {
        const names: string[] = [];
        const bound = after === undefined ? undefined : toBytes(`${prefix}${after}/`);
        for await (const { bytes, path } of walk({ root, prefix, after: bound, find: 'folders' })) {
          if (!(await holdsObject(path))) continue;
          if (names.length === most) return { names, next: names.at(-1)! };
          names.push(fromBytes(bytes).slice(prefix.length, -1));
        }
        return { names, next: null };
      });
    },

    async close() {},
  };
}

async function statObject(key: string, path: string): Promise<ObjectInfo | undefined> {
  const info = await stat(path, { bigint: true }).catch(ignoreAbsence);
  return info?.isFile() ? infoOf(key, info) : undefined;
}

/** The inode tells an object from the one it replaces, as both exist while the rename happens. */
function infoOf(key: string, info: BigIntStats): ObjectInfo {
  const etag = `"${info.ino.toString(36)}-${info.mtimeNs.toString(36)}-${info.size.toString(36)}"`;
  return { key, bytes: Number(info.size), etag, modifiedAt: new Date(Number(info.mtimeMs)).toISOString() };
}

function ignoreAbsence(error: unknown): undefined {
  const code = errorCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}

/** A file system without hard links cannot create-if-absent atomically; better to learn so at the start. */
async function checkLinks(
  files: Awaited<ReturnType<typeof openTemporaryFiles>>,
  root: string,
): Promise<void> {
  const file = await files.write(new Uint8Array());
  try {
    await link(file, `${file}-linked`);
    await files.remove(`${file}-linked`);
  } catch (cause) {
    const detail = `The object folder must lie on a file system with hard links (${errorCode(cause)})`;
    throw new AppError('not_ready', detail, { cause: new Error(`cannot link in ${root}`, { cause }) });
  } finally {
    await files.remove(file);
  }
}

/** What the system refuses is `not_ready` to callers; the errno stays in the cause. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (cause instanceof AppError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw cause;
    throw new AppError('not_ready', remedies[code] ?? 'The object folder cannot be read or written', {
      cause,
    });
  }
}

const remedies: Record<string, string> = {
  ENOSPC: 'The disk of the object folder is full: free space on it',
  EDQUOT: 'The disk quota of the object folder is used up: free space or raise it',
  EACCES: 'The object folder may not be read or written by this process: check its owner and mode',
  EPERM: 'The object folder may not be read or written by this process: check its owner and mode',
  EROFS: 'The object folder lies on a read-only file system',
  EMFILE: 'Too many open files: raise the limit of open files',
  ENFILE: 'Too many open files: raise the limit of open files',
};
